//! Texts on their way into packs, and the rows that may go on once their pack is durable.

use std::sync::Arc;

use crossic_operators::record::Digest;

use super::ArticleRow;
use crate::{
    clock::{self, Activity},
    error::Result,
    store::{pack::PackWriter, texts::TextStore},
};

/// Bytes of text after which a pack is sealed.
const PACK_BYTES: u64 = 64 << 20;

/// The pack that one task is filling.
pub(super) struct ArticlePacks {
    store: Arc<TextStore>,
    writer: Option<PackWriter>,
    n_bytes: u64,
    waiting: Vec<ArticleRow>,
}

impl ArticlePacks {
    pub(super) fn new(store: Arc<TextStore>) -> ArticlePacks {
        ArticlePacks { store, writer: None, n_bytes: 0, waiting: Vec::new() }
    }

    /// Puts a text into the pack.
    pub(super) fn put(&mut self, digest: Digest, text: &str) -> Result<()> {
        let _clock = clock::start(Activity::Pack);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(PackWriter::create(&self.store.packs_dir())?),
        };
        writer.put(digest, text)?;
        self.n_bytes += text.len() as u64;
        Ok(())
    }

    /// Adds a row, which is let go to `rows` when its text can be read.
    pub(super) fn push(&mut self, row: ArticleRow, rows: &mut Vec<ArticleRow>) -> Result<()> {
        self.waiting.push(row);
        match self.n_bytes < PACK_BYTES {
            true => Ok(()),
            false => self.seal(rows),
        }
    }

    /// Makes all texts durable and lets the waiting rows go.
    pub(super) fn seal(&mut self, rows: &mut Vec<ArticleRow>) -> Result<()> {
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
