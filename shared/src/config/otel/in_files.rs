//! Standard variables whose values stand in files: `OTEL_EXPORTER_OTLP_HEADERS_FILE` and its like.
//!
//! The specification has none of them; they are there because any variable of ours takes `_FILE`, too.

use std::collections::BTreeMap;

use super::variables;
use crate::config::LoadOptions;
use crate::config::problem::Origin;
use crate::config::secret::Secret;
use crate::config::secret_files::{self, SUFFIX};

/// The value of each variable whose `…_FILE` is set, unless it is set itself. What cannot be read is a warning.
pub(super) fn read(options: &LoadOptions, warnings: &mut Vec<String>) -> BTreeMap<String, Secret> {
    let mut values = BTreeMap::new();
    for (name, _) in variables::variables() {
        let with_suffix = format!("{name}{SUFFIX}");
        let set = |name: &str| {
            let value = options.environment.get(name)?.trim();
            (!value.is_empty()).then_some(value)
        };
        let Some(file) = set(&with_suffix) else {
            continue;
        };
        let origin = Origin::Variable(with_suffix.clone());
        if set(&name).is_some() {
            warnings.push(format!("{origin} is ignored: {name} is set, too"));
            continue;
        }
        match secret_files::read(&options.working_dir.join(file)) {
            Ok(value) => {
                values.insert(name, value);
            }
            Err(problem) => warnings.push(format!("{origin} is ignored: {problem}")),
        }
    }
    values
}
