//! crossic builds cross-lingual corpora from Wikipedia dumps for continued pre-training
//! (CrossIC-PT, arXiv 2504.20484): a pipeline file to a corpus directory of Arrow shards.
//!
//! The modules in reading order: `cli` dispatches a verb, `config` makes a plan of a pipeline file,
//! `fetch` downloads dumps, `storage` lets URLs stand for paths, `runtime` runs the plan with
//! `sources`, the operators crate and `sinks`, `cluster` lets several processes run one plan,
//! `retrieval` searches web documents, `store` keeps texts and snapshots, `report` says what was done, `manifest` is what a corpus is,
//! `garbage` is what a corpus directory has no need of, `extract` makes plain text of dumps, `crew` has
//! threads for it, `training` hands a corpus to the trainer.

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod crew;
pub mod dump;
pub mod error;
pub mod extract;
pub mod fetch;
pub mod garbage;
pub mod io;
pub mod manifest;
pub mod report;
pub mod retrieval;
pub mod runtime;
pub mod sinks;
pub mod sources;
pub mod storage;
pub mod store;
pub mod training;
pub mod work;
