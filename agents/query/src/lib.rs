//! `query_agent`: understands a question, requests data and analysis, and completes the query.

pub mod understanding;

mod agent;

pub use agent::agent;
