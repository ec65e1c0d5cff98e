//! A corpus directory whose shards are Arrow IPC files.

use std::{collections::BTreeMap, path::Path};

use crossic_operators::{operator::Key, segment::Segment, vocabulary::Vocabulary};
use serde::{Deserialize, Serialize};

use super::{CorpusDir, Descriptor, Rows, Shard, ShardWriter, Sink, shard_file, shards_dir};
use crate::error::Result;

pub(super) const SINK: Descriptor = Descriptor {
    name: "arrow-shards",
    summary: "A corpus directory whose shards are Arrow IPC files",
    keys: &[
        Key { name: "dir", default: "", about: "the corpus directory, or a folder of a bucket" },
        Key {
            name: "buckets",
            default: "64",
            about: "shards at most: pairs are dealt into so many buckets by a fixed hash",
        },
    ],
    parse: |value| Ok(Box::new(Config::deserialize(value)?)),
};

/// The knobs of `arrow-shards`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(skip_serializing)]
    dir: CorpusDir,
    #[serde(default = "super::default_buckets")]
    buckets: u32,
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
        "arrow"
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        super::knobs_of(self)
    }

    fn rows(&self, shard: &Shard) -> Result<Option<Rows>> {
        let rows = shard_file::ShardReader::open(&shards_dir(&self.dir.local).join(&shard.file))?;
        Ok(Some(Box::new(rows.map(|row| Ok(row?)))))
    }

    fn shard(&self, bucket: u32, _: &Vocabulary) -> Result<Box<dyn ShardWriter>> {
        let writer = shard_file::ShardWriter::create(&shards_dir(&self.dir.local))?;
        Ok(Box::new(Writer { bucket, writer }))
    }
}

struct Writer {
    bucket: u32,
    writer: shard_file::ShardWriter,
}

impl ShardWriter for Writer {
    fn push(&mut self, segment: &Segment) -> Result<()> {
        Ok(self.writer.push(segment)?)
    }

    fn finish(self: Box<Self>) -> Result<Shard> {
        let info = self.writer.finish(self.bucket)?;
        Ok(Shard {
            bucket: info.bucket,
            file: info.file,
            hash: info.hash,
            rows: info.rows,
            tokens: info.tokens,
            bytes: info.bytes,
        })
    }
}
