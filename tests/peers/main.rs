//! Checks against other people's programs.
