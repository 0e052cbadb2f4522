//! The one integration test binary: a module for each story.
#![allow(clippy::unwrap_used, reason = "tests")]

mod examples;
mod peers;
mod tidy;
