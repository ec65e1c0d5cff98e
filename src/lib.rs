//! crossic builds cross-lingual corpora from Wikipedia dumps for continued pre-training
//! (CrossIC-PT, arXiv 2504.20484): a pipeline file to a corpus directory of Arrow shards.
//!
//! The modules in reading order: `cli` dispatches a verb, `config` makes a plan of a pipeline file,
//! `runtime` runs it with `sources`, the operators crate and `sinks`, `store` keeps texts and
//! snapshots, `storage` lets URLs stand for paths, `report` says what was done, `manifest` is what a corpus is.

pub mod cli;
pub mod clock;
pub mod config;
pub mod dump;
pub mod error;
pub mod io;
pub mod manifest;
pub mod report;
pub mod runtime;
pub mod sinks;
pub mod sources;
pub mod storage;
pub mod store;
