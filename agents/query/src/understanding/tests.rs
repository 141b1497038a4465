//! The contract's tables, asked in many phrasings.

mod catalog;
mod days;
mod hostile;
