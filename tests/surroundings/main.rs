//! The programs themselves on other people's servers, in good surroundings and in bad ones: what an agent's own program
//! and `chimera up --with` say, and how they end. With `--features servers`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod away;
mod commands;
mod program;
mod refused;
mod together;
mod waiting;
