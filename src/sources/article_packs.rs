//! Texts on their way into packs, and the findings that may go on once their pack is durable.

use std::sync::Arc;

use crossic_operators::record::Digest;

use super::Finding;
use crate::{
    clock::{self, Activity},
    error::Result,
    store::{pack::PackWriter, texts::TextStore},
    work::Work,
};

/// Bytes of text after which a pack is sealed.
const PACK_BYTES: u64 = 64 << 20;

/// The pack that one task is filling.
pub(super) struct ArticlePacks {
    store: Arc<TextStore>,
    writer: Option<PackWriter>,
    n_bytes: u64,
    waiting: Vec<Finding>,
    work: Work,
}

impl ArticlePacks {
    pub(super) fn new(store: Arc<TextStore>) -> ArticlePacks {
        ArticlePacks { store, writer: None, n_bytes: 0, waiting: Vec::new(), work: Work::default() }
    }

    /// Puts the text of an article into the pack, unless some pack holds it already.
    pub(super) fn put(&mut self, digest: Digest, text: &str) -> Result<()> {
        match self.put_aside(digest, text)? {
            true => self.work.texts_packed += 1,
            false => self.work.texts_known += 1,
        }
        Ok(())
    }

    /// Puts a text that is none of an article into the pack, unless some pack holds it already;
    /// returns whether it did.
    pub(super) fn put_aside(&mut self, digest: Digest, text: &str) -> Result<bool> {
        if self.store.contains(digest) {
            return Ok(false);
        }
        let _clock = clock::start(Activity::Pack);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(PackWriter::create(&self.store.packs_dir())?),
        };
        writer.put(digest, text)?;
        self.n_bytes += text.len() as u64;
        Ok(true)
    }

    /// Returns whether the pack has its size.
    pub(super) fn is_full(&self) -> bool {
        PACK_BYTES <= self.n_bytes
    }

    /// Adds a finding, which is let go to `rows` when its text can be read.
    pub(super) fn push(&mut self, row: Finding, rows: &mut Vec<Finding>) -> Result<()> {
        self.waiting.push(row);
        match self.is_full() {
            true => self.seal(rows),
            false => Ok(()),
        }
    }

    /// Returns what was done since the last call.
    pub(super) fn work(&mut self) -> Work {
        std::mem::take(&mut self.work)
    }

    /// Makes all texts durable and lets the waiting findings go.
    pub(super) fn seal(&mut self, rows: &mut Vec<Finding>) -> Result<()> {
        let _clock = clock::start(Activity::Pack);
        self.n_bytes = 0;
        if let Some(writer) = self.writer.take()
            && let Some(name) = writer.seal()?
        {
            self.store.add(name)?;
        }
        rows.append(&mut self.waiting);
        Ok(())
    }
}
