#![doc = include_str!("../README.md")]

mod gateway;
mod index;
mod language;
mod news;
mod open_queries;
mod prefer;
mod problem;
mod queries;
mod question;
mod router;
mod stored;

use chimera_questions::messages::{QUERY_CANCELLED, QUERY_COMPLETED, QUERY_PROGRESS};
use chimera_shared::{BaseAgent, config::ApiConfig};

use gateway::Gateway;

/// The name of the service.
pub const NAME: &str = "chimera-api";

/// The gateway as `config` has it.
pub fn agent(config: &ApiConfig) -> BaseAgent {
    let gateway = Gateway::new(config);
    let open = &gateway.open;
    BaseAgent::new(NAME)
        .on_each_instance(QUERY_PROGRESS, news::progress(open))
        .on_each_instance(QUERY_COMPLETED, news::completed(open))
        .on_each_instance(QUERY_CANCELLED, news::cancelled(open))
        .serve("api.listen", config.listen, router::app(gateway))
}
