//! A bucket: its pairs, what became of them, and the record that lets the next build keep it.

use std::{collections::BTreeMap, iter::Peekable, path::Path};

use crossic_operators::{
    record::{Digest, SourceIndex},
    reject::Reject,
    segment::Segment,
    split_windows::Counts,
};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    io,
    report::statistics::Statistics,
    sinks::{Shard, Sink, shards_dir},
    store::{
        arrow_file::RowReader,
        memos::{self, PairRow},
        snapshot,
    },
    work::Work,
};

/// The work done on one bucket of one sink: a function of its pairs alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// Position of the sink in the plan.
    pub sink: usize,
    /// The shard; `None` where the bucket holds no row.
    pub shard: Option<Shard>,
    /// Statistics of its rows.
    pub statistics: Statistics,
    /// Pairs that came in, by target source.
    pub pairs_in: BTreeMap<SourceIndex, u64>,
    /// Pairs with at least one row, by target source.
    pub pairs_out: BTreeMap<SourceIndex, u64>,
    /// Paragraphs and tokens, by source.
    pub counts: BTreeMap<SourceIndex, SideCounts>,
    /// Pairs that gave no row.
    pub rejects: Vec<Reject>,
}

/// Paragraphs and tokens of one source in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SideCounts {
    /// Paragraphs of the articles of pairs that gave rows.
    pub paragraphs_in: u64,
    /// Paragraphs that lie in rows, counted from the rows.
    pub paragraphs_out: u64,
    /// Paragraphs left out.
    pub paragraphs_dropped: u64,
    /// Paragraphs that were cut.
    pub paragraphs_cut: u64,
    /// Tokens of text.
    pub tokens_in: u64,
    /// Tokens of text in rows, counted from the rows.
    pub tokens_out: u64,
    /// Tokens left out.
    pub tokens_dropped: u64,
}

impl SideCounts {
    /// Adds other counts.
    pub(super) fn merge(&mut self, other: &SideCounts) {
        self.paragraphs_in += other.paragraphs_in;
        self.paragraphs_out += other.paragraphs_out;
        self.paragraphs_dropped += other.paragraphs_dropped;
        self.paragraphs_cut += other.paragraphs_cut;
        self.tokens_in += other.tokens_in;
        self.tokens_out += other.tokens_out;
        self.tokens_dropped += other.tokens_dropped;
    }
}

/// A bucket that a run has finished.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// What is in it.
    pub bucket: Bucket,
    /// Files kept for the next build.
    pub memos: Vec<String>,
    /// Rows that the last corpus lacked.
    pub added: Vec<Digest>,
    /// Rows that only the last corpus had.
    pub removed: Vec<Digest>,
    /// Whether the rows that the bucket had could not be told.
    pub unknown: bool,
    /// What this run did for it.
    pub work: Work,
}

/// What is kept of a bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// The bucket.
    pub number: u32,
    /// Digest of its pairs and of all that decides their rows.
    pub key: String,
    /// What is in it.
    pub bucket: Bucket,
    /// The file that says what became of each pair.
    pub pairs: String,
}

impl Record {
    /// Returns the name of a record's file.
    pub(super) fn file(number: u32, key: Digest) -> String {
        format!("{number:05}-{key}-record.json")
    }

    /// Returns the record in a file, or `None` if it is missing or damaged: then the bucket is
    /// worked on again.
    pub(super) fn read(path: &Path) -> Option<Record> {
        let record: Record = serde_json::from_slice(&fs_err::read(path).ok()?).ok()?;
        // The name of a file comes out of the record: it may only be one of ours.
        let ours = |name: &str| !name.contains(['/', '\\']) && !name.starts_with('.');
        let shard = record.bucket.shard.as_ref();
        (ours(&record.pairs) && shard.is_none_or(|it| ours(&it.file))).then_some(record)
    }

    /// Returns whether the files that the record names are there.
    pub(super) fn is_whole(&self, dir: &Path) -> bool {
        let size = |path: &Path| fs_err::metadata(path).map(|it| it.len()).ok();
        let pairs = size(&dir.join(memos::FOLDER).join(&self.pairs));
        let shard = self.bucket.shard.as_ref();
        pairs.is_some()
            && shard.is_none_or(|it| size(&shards_dir(dir).join(&it.file)) == Some(it.bytes))
    }

    /// Makes the record durable.
    pub(super) fn write(&self, dir: &Path, key: Digest) -> Result<String> {
        let file = Record::file(self.number, key);
        let text =
            serde_json::to_string(self).unwrap_or_else(|_| unreachable!("a record is plain data"));
        io::replace(&dir.join(memos::FOLDER).join(&file), text.as_bytes())?;
        Ok(file)
    }
}

/// The rows of a bucket of the last build, pair by pair in the order of their identities.
pub(super) struct Splice {
    pairs: Peekable<RowReader<PairRow>>,
    rows: Box<dyn Iterator<Item = Result<Segment>>>,
    /// Rows that were passed over.
    pub(super) gone: Vec<Digest>,
}

impl Splice {
    /// Opens the rows of a record, or returns `None` if they cannot be read: then they are made
    /// anew.
    pub(super) fn open(dir: &Path, sink: &dyn Sink, record: &Record) -> Option<Splice> {
        let pairs = snapshot::rows(&dir.join(memos::FOLDER).join(&record.pairs)).ok()?;
        let rows: Box<dyn Iterator<Item = _>> = match &record.bucket.shard {
            Some(shard) => sink.rows(shard).ok()??,
            None => Box::new(std::iter::empty()),
        };
        Some(Splice { pairs: pairs.peekable(), rows, gone: Vec::new() })
    }

    /// Goes to a pair, passing over the pairs before it; returns what became of it.
    pub(super) fn seek(&mut self, pair: Option<Digest>) -> Result<Option<PairRow>> {
        loop {
            match self.pairs.peek() {
                None => return Ok(None),
                Some(Ok(row)) if pair.is_some_and(|pair| pair < row.pair) => return Ok(None),
                Some(_) => {}
            }
            let Some(row) = self.pairs.next().transpose()? else { return Ok(None) };
            if Some(row.pair) == pair {
                return Ok(Some(row));
            }
            self.pass_over(&row)?;
        }
    }

    /// Returns the rows of the pair that was sought.
    pub(super) fn take(&mut self, pair: &PairRow) -> Result<Vec<Segment>> {
        self.rows.by_ref().take(pair.rows as usize).collect()
    }

    /// Passes over the rows of the pair that was sought.
    pub(super) fn pass_over(&mut self, pair: &PairRow) -> Result<()> {
        for row in self.rows.by_ref().take(pair.rows as usize) {
            self.gone.push(row?.id);
        }
        Ok(())
    }
}

/// Returns the identities of a shard's rows, or `None` if they cannot be read.
pub(super) fn ids(sink: &dyn Sink, shard: Option<&Shard>) -> Option<Vec<Digest>> {
    let Some(shard) = shard else { return Some(Vec::new()) };
    sink.rows(shard).ok()??.map(|row| row.ok().map(|row| row.id)).collect()
}

/// Takes rows that both came and went out of the account.
pub(super) fn cancel(sealed: &mut Sealed) {
    let mut net: BTreeMap<Digest, i64> = BTreeMap::new();
    for (rows, sign) in [(&mut sealed.added, 1), (&mut sealed.removed, -1)] {
        for id in rows.drain(..) {
            *net.entry(id).or_default() += sign;
        }
    }
    for (id, n) in net {
        let rows = if 0 < n { &mut sealed.added } else { &mut sealed.removed };
        rows.extend((0..n.unsigned_abs()).map(|_| id));
    }
}

/// Returns the account of both sides of a pair, in the order of a [`PairRow`].
pub(super) fn numbers(counts: &[Counts; 2]) -> [u32; 10] {
    let mut numbers = [0; 10];
    let all = counts.iter().flat_map(|it| {
        [
            it.paragraphs_in,
            it.paragraphs_dropped,
            it.paragraphs_cut,
            it.tokens_in,
            it.tokens_dropped,
        ]
    });
    for (number, n) in numbers.iter_mut().zip(all) {
        *number = u32::try_from(n).unwrap_or(u32::MAX);
    }
    numbers
}

/// Adds the account of one side of a pair.
pub(super) fn add(counts: &mut SideCounts, numbers: &[u32]) {
    let SideCounts {
        paragraphs_in,
        paragraphs_dropped,
        paragraphs_cut,
        tokens_in,
        tokens_dropped,
        ..
    } = counts;
    let all = [paragraphs_in, paragraphs_dropped, paragraphs_cut, tokens_in, tokens_dropped];
    for (count, n) in all.into_iter().zip(numbers) {
        *count += u64::from(*n);
    }
}
