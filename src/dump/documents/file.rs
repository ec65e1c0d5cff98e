//! A file of web documents of either kind, read in bounded batches that are screened on the way.

use std::{io::Read, path::Path};

use super::{
    document::{Row, WebDocument},
    error::DocumentsError,
    json_lines::JsonLines,
    parquet::DocumentParquet,
    screen::{Refused, Screen},
};
use crate::storage;

/// How much of a file is unpacked at once, in bytes; a single longer row goes beyond it.
const BATCH_BYTES: usize = 32 << 20;

/// What a parquet file begins with.
const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

/// The documents of a batch, and the refused ones, each in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Documents to use.
    pub documents: Vec<WebDocument>,
    /// Documents that the screen held back.
    pub refused: Vec<Refused>,
}

/// A file of documents that is being read.
pub struct DocumentFile {
    kind: Kind,
    screen: Screen,
    rows: Vec<Row>,
    n_bytes: u64,
    /// Whether the file has ended or failed; there is nothing more in either case.
    done: bool,
}

enum Kind {
    Parquet(Box<DocumentParquet>),
    JsonLines(Box<JsonLines>),
}

impl DocumentFile {
    /// Opens a parquet file, or JSON lines, plain or compressed; the file's first bytes tell which.
    ///
    /// Fails if a parquet file lacks a column that the screen asks for.
    pub fn open(path: &Path, screen: &Screen) -> Result<DocumentFile, DocumentsError> {
        let (file, n_bytes) = storage::open(path)?;
        let mut head = Vec::new();
        file.take(PARQUET_MAGIC.len() as u64).read_to_end(&mut head)?;
        // A name is trusted only where the first bytes are damaged or missing.
        let named = path.extension().is_some_and(|it| it == "parquet");
        let kind = match head == PARQUET_MAGIC || named {
            true => Kind::Parquet(Box::new(DocumentParquet::open(path, screen)?)),
            false => Kind::JsonLines(Box::new(JsonLines::open(path)?)),
        };
        let screen = screen.clone();
        Ok(DocumentFile { kind, screen, rows: Vec::new(), n_bytes, done: false })
    }

    /// Puts the next documents into `batch`, replacing what it held; returns whether there may be more.
    ///
    /// After an error or the end the batch stays empty.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DocumentsError> {
        self.next_batch_of(BATCH_BYTES, batch)
    }

    /// Does so with batches of about `n_bytes` when unpacked, for tests.
    pub fn next_batch_of(
        &mut self,
        n_bytes: usize,
        batch: &mut Batch,
    ) -> Result<bool, DocumentsError> {
        batch.documents.clear();
        batch.refused.clear();
        if self.done {
            return Ok(false);
        }
        // Stays so if the reader fails.
        self.done = true;
        self.rows.clear();
        let more = match &mut self.kind {
            Kind::Parquet(parquet) => parquet.next_rows(n_bytes, &mut self.rows)?,
            Kind::JsonLines(lines) => lines.next_rows(n_bytes, &mut self.rows)?,
        };
        self.done = !more;
        for row in self.rows.drain(..) {
            match self.screen.judge(row) {
                Ok(document) => batch.documents.push(document),
                Err(refused) => batch.refused.push(refused),
            }
        }
        Ok(more)
    }

    /// Returns how many documents the file has, refused ones among them; `None` if only reading it to
    /// its end would tell.
    pub fn n_documents(&self) -> Option<u64> {
        match &self.kind {
            Kind::Parquet(parquet) => Some(parquet.n_rows()),
            Kind::JsonLines(_) => None,
        }
    }

    /// Returns the size of the file in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Returns how many bytes of the file have been read, for progress.
    pub fn n_bytes_read(&self) -> u64 {
        match &self.kind {
            Kind::JsonLines(lines) => lines.n_bytes_read(),
            Kind::Parquet(parquet) => match parquet.n_rows() {
                0 => self.n_bytes,
                n_rows => {
                    let share = u128::from(self.n_bytes) * u128::from(parquet.n_rows_read());
                    u64::try_from(share / u128::from(n_rows)).unwrap_or(self.n_bytes)
                }
            },
        }
    }
}
