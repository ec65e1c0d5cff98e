//! What a run tells of itself while it goes on.

use std::path::Path;

use super::{progress::Progress, validate::Validation};

/// Hears what happens; the one that prints is in the binary.
pub trait Watch {
    /// Hears one thing.
    fn hear(&self, news: &News<'_>);
}

/// One thing that happened.
#[derive(Debug)]
pub enum News<'a> {
    /// Something that the user should know, as a sentence without a full stop.
    Note(&'a str),
    /// Work before the first step: what, and how far it is.
    Preparing {
        /// What is done, as "reading weights".
        what: &'a str,
        /// Parts that are done.
        n_done: u64,
        /// All parts, 0 if nobody knows.
        n_all: u64,
    },
    /// The run begins, or goes on.
    Begun {
        /// Steps that were done before.
        step: u64,
        /// Steps of the whole run.
        n_steps: u64,
        /// Numbers that are trained.
        n_trained: u64,
        /// Windows that are held back.
        n_validation: usize,
    },
    /// A step is done.
    Step(&'a Progress),
    /// The held-back windows have been looked at.
    Validated {
        /// Steps done, 0 before the first.
        step: u64,
        /// What came out.
        validation: &'a Validation,
        /// Whether no earlier one was better.
        is_best: bool,
    },
    /// A checkpoint is safe on disk.
    Saved {
        /// Steps done.
        step: u64,
        /// Its directory.
        dir: &'a Path,
    },
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silence;

impl Watch for Silence {
    fn hear(&self, _news: &News<'_>) {}
}
