//! Checks against other people's programs.

mod browser;
mod commands;
mod jaeger;
mod otlp;
mod pages;
mod webdriver;
