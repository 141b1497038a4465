//! data_retrieval_agent: fetches series from the sources, behind cache, rate limit, retry and circuit breaker

pub mod recorded;
pub mod wire;
