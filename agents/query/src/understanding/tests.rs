//! The contract's tables, asked in many phrasings.

mod catalog;
mod days;
mod hostile;
mod intents;
mod names;
mod phrasings;
mod refusals;
