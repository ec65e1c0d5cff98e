//! Answers that depend on digests alone, kept from build to build.

use crate::record::Digest;

/// Answers to questions about texts, by a digest of all that decides the answer.
///
/// An operator that has to read a text to judge it asks here first, so that a text that has not
/// changed is not read again.
pub trait Memo: Send + Sync {
    /// Returns the answer, if it is known.
    fn recall(&self, question: Digest) -> Option<u32>;

    /// Keeps an answer.
    fn learn(&self, question: Digest, answer: u32);
}

/// Returns the answer to a question, finding it where it is not known.
///
/// `find` returns `None` where there is no answer to be kept, because the run is ending.
pub fn ask(memo: &dyn Memo, question: Digest, find: impl FnOnce() -> Option<u32>) -> Option<u32> {
    if let Some(answer) = memo.recall(question) {
        return Some(answer);
    }
    let answer = find()?;
    memo.learn(question, answer);
    Some(answer)
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl Memo for Forgetful {
    fn recall(&self, _: Digest) -> Option<u32> {
        None
    }

    fn learn(&self, _: Digest, _: u32) {}
}
