//! Models and adapters on disk.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod adapter;
mod card;
mod config;
mod files;
mod fixture;
