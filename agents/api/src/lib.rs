//! chimera-api, the HTTP gateway: takes questions, hands them to `query_agent` over the bus, and serves what became of
//! them. `docs/api.md` shows every endpoint.
//!
//! It understands no question and computes no answer. The stored query is the truth about a query; what this process
//! hears over the bus only makes it faster to say.


mod news;
mod open_queries;
mod prefer;
mod problem;
mod question;
