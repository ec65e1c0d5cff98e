//! A corpus directory whose shards are JSON lines, with the text beside the tokens.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
};

use crossic_operators::{
    operator::Key,
    record::{Digest, Origin},
    segment::{Retrieval, Segment, Span},
    vocabulary::Vocabulary,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CorpusDir, Descriptor, Rows, Shard, ShardWriter, Sink, shards_dir};
use crate::{error::Result, io::Staged, store::StoreError};

pub(super) const SINK: Descriptor = Descriptor {
    name: "jsonl",
    summary: "A corpus directory whose shards are JSON lines with text and tokens",
    keys: &[
        Key { name: "dir", default: "", about: "the corpus directory, or a folder of a bucket" },
        Key {
            name: "buckets",
            default: "64",
            about: "shards at most: pairs are dealt into so many buckets by a fixed hash",
        },
        Key { name: "input-ids", default: "true", about: "write token ids beside the text" },
    ],
    parse: |value| Ok(Box::new(Config::deserialize(value)?)),
};

/// The knobs of `jsonl`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(skip_serializing)]
    dir: CorpusDir,
    #[serde(default = "super::default_buckets")]
    buckets: u32,
    #[serde(default = "yes")]
    input_ids: bool,
}

fn yes() -> bool {
    true
}

impl Sink for Config {
    fn dir(&self) -> &Path {
        &self.dir.local
    }

    fn place(&self) -> &Path {
        &self.dir.place
    }

    fn buckets(&self) -> u32 {
        self.buckets
    }

    fn format(&self) -> &'static str {
        "jsonl"
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        super::knobs_of(self)
    }

    fn rows(&self, shard: &Shard) -> Result<Option<Rows>> {
        if !self.input_ids {
            return Ok(None);
        }
        let path = shards_dir(&self.dir.local).join(&shard.file);
        let lines = BufReader::new(fs_err::File::open(&path)?).lines();
        Ok(Some(Box::new(lines.map(move |line| {
            let row = serde_json::from_str::<Row>(&line?).map_err(|cause| cause.to_string());
            Ok(row
                .and_then(|row| row.segment().ok_or("a row without an identity".to_owned()))
                .map_err(|what| StoreError::damaged(&path, what))?)
        }))))
    }

    fn shard(&self, bucket: u32, vocabulary: &Vocabulary) -> Result<Box<dyn ShardWriter>> {
        Ok(Box::new(Writer {
            bucket,
            input_ids: self.input_ids,
            vocabulary: vocabulary.clone(),
            staged: Staged::create(&shards_dir(&self.dir.local))?,
            rows: 0,
            tokens: 0,
        }))
    }
}

/// A row with its token ids, as a line holds it.
#[derive(Deserialize)]
struct Row {
    id: String,
    pair: String,
    index: u32,
    origin: Origin,
    input_ids: Vec<u32>,
    spans: Vec<Span>,
    score: Option<f64>,
    #[serde(default)]
    retrieval: Option<Retrieval>,
}

impl Row {
    fn segment(self) -> Option<Segment> {
        Some(Segment {
            id: Digest::parse(&self.id)?,
            pair: Digest::parse(&self.pair)?,
            index: self.index,
            origin: self.origin,
            input_ids: self.input_ids,
            spans: self.spans,
            score: self.score.map(|score| (score * 1e6).round() as i32),
            retrieval: self.retrieval,
        })
    }
}

struct Writer {
    bucket: u32,
    input_ids: bool,
    vocabulary: Vocabulary,
    staged: Staged,
    rows: u64,
    tokens: u64,
}

impl ShardWriter for Writer {
    fn push(&mut self, segment: &Segment) -> Result<()> {
        let body = segment.input_ids.split_last().map_or(&[][..], |(_, body)| body);
        let mut row = json!({
            "id": segment.id.to_string(),
            "pair": segment.pair.to_string(),
            "index": segment.index,
            "origin": segment.origin,
            "text": self.vocabulary.decode(body),
            "spans": segment.spans,
            "score": segment.score.map(|score| f64::from(score) / 1e6),
            "retrieval": segment.retrieval,
        });
        if self.input_ids
            && let Some(row) = row.as_object_mut()
        {
            row.insert("input_ids".to_owned(), json!(segment.input_ids));
        }
        let mut line = row.to_string();
        line.push('\n');
        self.staged.write_all(line.as_bytes())?;
        self.rows += 1;
        self.tokens += segment.input_ids.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Shard> {
        let Writer { bucket, staged, rows, tokens, .. } = *self;
        let bytes = staged.n_bytes();
        let mut file = String::new();
        let (_, hash) = staged.seal(|hash| {
            let digits: String = hash.chars().take(32).collect();
            file = format!("{bucket:05}-{digits}.jsonl");
            file.clone()
        })?;
        Ok(Shard { bucket, file, hash, rows, tokens, bytes })
    }
}
