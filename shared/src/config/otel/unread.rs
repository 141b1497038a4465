//! Variables of OpenTelemetry that are set and change nothing: it is said, so that nobody waits for what they mean.

use super::{Reading, variables};
use crate::config::problem::quoted;
use crate::config::secret_files::SUFFIX;

/// What all standard variables begin with.
const PREFIX: &str = "OTEL_";

/// So many edits away from a name that is read, another name is taken for a slip. Names of other languages' SDKs are
/// further away.
const MOST_EDITS: usize = 2;

impl Reading<'_> {
    /// Warns of what is set and not read, or not understood.
    pub(super) fn unread(&mut self) {
        for (name, instead) in variables::UNSUPPORTED {
            if self.get(name).is_some() {
                self.warn(name, &format!("it is not supported; {instead}"));
            }
        }
        for name in variables::insecure() {
            match self.get(&name).map(str::to_ascii_lowercase).as_deref() {
                Some("true" | "false") | None => {}
                Some(other) => {
                    let found = quoted(other);
                    self.warn(&name, &format!("expected true or false, found {found}"));
                }
            }
        }
        self.misspelt();
    }

    fn misspelt(&mut self) {
        let known: Vec<_> = variables::variables().map(|(name, _)| name).collect();
        let environment = self.environment;
        for name in environment.keys() {
            let plain = name.strip_suffix(SUFFIX).unwrap_or(name);
            let is_known =
                known.iter().any(|known| known == plain || known == name) || self.is_told_of(name);
            if !name.starts_with(PREFIX) || is_known || self.get(name).is_none() {
                continue;
            }
            let distance = |known: &&String| strsim::damerau_levenshtein(name, known);
            let nearest = known.iter().min_by_key(distance);
            if let Some(nearest) = nearest.filter(|known| distance(known) <= MOST_EDITS) {
                self.warn(
                    name,
                    &format!("nobody reads it; the nearest that is read is {nearest}"),
                );
            }
        }
    }

    /// Whether another warning is about it.
    fn is_told_of(&self, name: &str) -> bool {
        let unsupported = variables::UNSUPPORTED.iter().map(|(name, _)| name);
        let mut gone = super::aliases::GONE.iter().map(|(name, _)| name);
        gone.any(|gone| *gone == name) || unsupported.into_iter().any(|one| *one == name)
    }
}
