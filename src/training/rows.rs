//! The rows of a corpus as the trainer takes them, shard after shard, each checked against its hash.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crossic_operators::{record::Digest, segment::Segment};
use crossic_trainer::{
    data::corpus::{CorpusInfo, LanguageSpan, Row},
    error::Error,
};
use rustc_hash::FxHashSet;

use crate::{
    manifest::Manifest,
    sinks::{shard_file::ShardReader, shards_dir},
    store::StoreError,
};

type Result<T> = std::result::Result<T, Error>;

/// Which rows are learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// Those with these ids, all of which must be there.
    Only(FxHashSet<Digest>),
    /// Those with other ids than these.
    Without(FxHashSet<Digest>),
}

/// The rows of a corpus: buckets in order, and the rows of a bucket in order.
///
/// A row that cannot be right ends the iteration with an error: a token that the tokenizer lacks, a
/// language that no source has, a shard that is not what was written.
pub struct Rows {
    paths: std::vec::IntoIter<PathBuf>,
    shard: Option<Shard>,
    languages: BTreeMap<String, u16>,
    vocabulary: u32,
    closing: u32,
    wanted: Wanted,
    n_found: usize,
    ended: bool,
}

/// A shard that is being read.
struct Shard {
    path: PathBuf,
    n_read: u64,
    rows: ShardReader,
}

impl Rows {
    /// Starts with the first row of a corpus.
    pub fn new(dir: &Path, manifest: &Manifest, info: &CorpusInfo, wanted: Wanted) -> Rows {
        let folder = shards_dir(dir);
        let mut shards: Vec<_> = manifest.shards.iter().collect();
        shards.sort_by_key(|shard| shard.bucket);
        let paths: Vec<PathBuf> = shards.iter().map(|shard| folder.join(&shard.file)).collect();
        Rows {
            paths: paths.into_iter(),
            shard: None,
            languages: info.languages.iter().cloned().zip(0..).collect(),
            vocabulary: info.vocabulary,
            closing: info.closing_id,
            wanted,
            n_found: 0,
            ended: false,
        }
    }

    /// Returns the next row that is wanted.
    fn advance(&mut self) -> Result<Option<Row>> {
        loop {
            let Some(shard) = &mut self.shard else {
                let Some(path) = self.paths.next() else { return self.end() };
                let rows = ShardReader::open(&path).map_err(foreign)?;
                self.shard = Some(Shard { path, n_read: 0, rows });
                continue;
            };
            let Some(segment) = shard.rows.next() else {
                self.shard = None;
                continue;
            };
            let segment = segment.map_err(foreign)?;
            let position = shard.n_read;
            shard.n_read += 1;
            let wanted = match &self.wanted {
                Wanted::All => true,
                Wanted::Only(ids) => ids.contains(&segment.id),
                Wanted::Without(ids) => !ids.contains(&segment.id),
            };
            if wanted {
                self.n_found += 1;
                let path = shard.path.clone();
                return match self.row(segment) {
                    Ok(row) => Ok(Some(row)),
                    Err((what, hint)) => {
                        Err(Error::file(&path, format!("has a bad row {position}: {what}"), hint))
                    }
                };
            }
        }
    }

    fn end(&self) -> Result<Option<Row>> {
        match &self.wanted {
            Wanted::Only(ids) if self.n_found < ids.len() => {
                let what = format!(
                    "the shards hold {} of the {} rows that came since the earlier corpus",
                    self.n_found,
                    ids.len()
                );
                Err(Error::refused(what, "run `crossic verify` on the corpus"))
            }
            _ => Ok(None),
        }
    }

    fn row(&self, segment: Segment) -> std::result::Result<Row, (String, &'static str)> {
        let Segment { id, pair, input_ids: ids, spans, .. } = segment;
        let n_tokens = ids.len();
        let known = |id: &u32| *id < self.vocabulary || *id == self.closing;
        if let Some(token) = ids.iter().find(|id| !known(id)) {
            let what =
                format!("token {token}, but the tokenizer has {} ids", thousands(self.vocabulary));
            return Err((
                what,
                "the shard was made with another tokenizer: build the corpus again",
            ));
        }
        if ids.last() != Some(&self.closing) {
            let what = format!("it does not end in token {}", self.closing);
            return Err((
                what,
                "the shard was made with another tokenizer: build the corpus again",
            ));
        }
        let mut of_languages = Vec::with_capacity(spans.len());
        let mut end = 0;
        for span in spans {
            let Some(language) = self.languages.get(&span.lang) else {
                return Err((
                    format!("language `{}`, which no source of the corpus has", span.lang),
                    "run `crossic verify` on the corpus",
                ));
            };
            if span.token_start < end
                || span.token_end < span.token_start
                || n_tokens < span.token_end as usize
            {
                let what = format!("its spans do not lie in order within {n_tokens} tokens");
                return Err((what, "run `crossic verify` on the corpus"));
            }
            end = span.token_end;
            of_languages.push(LanguageSpan { language: *language, start: span.token_start, end });
        }
        Ok(Row { id, pair, ids, spans: of_languages })
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.ended {
            return None;
        }
        let row = self.advance().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}

/// Returns an error of the store as one of the trainer.
pub(super) fn foreign(error: StoreError) -> Error {
    match error {
        StoreError::Io(error) => Error::Io(error),
        // The message names the file, and the remedy where there is one.
        error => Error::refused(error.to_string(), ""),
    }
}

fn thousands(n: u32) -> String {
    crate::report::numbers::thousands(u64::from(n))
}
