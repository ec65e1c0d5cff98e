//! A corpus directory opened for reading: its manifest, rows of either shard format, snapshots,
//! tokenizer.

use std::{
    io::{BufRead, BufReader, ErrorKind, Lines},
    path::{Path, PathBuf},
    sync::Arc,
};

use crossic_operators::{
    record::{Digest, Origin},
    segment::{Retrieval, Segment, Span},
    vocabulary::Vocabulary,
};
use serde::Deserialize;

use super::mirrored;
use crate::{
    error::{Error, Result},
    manifest::{FILE_NAME, Manifest, SourceInfo},
    sinks::{Shard, shard_file::ShardReader, shards_dir},
    storage::{file_names, is_url, mirror::Mirror},
    store::{StoreError, arrow_file::RowReader, row::Row, snapshot},
};

/// A finished corpus.
pub(super) struct Corpus {
    /// The local directory.
    pub(super) dir: PathBuf,
    /// Where it lies, as the user wrote it: the directory itself or a URL.
    pub(super) place: PathBuf,
    pub(super) manifest: Manifest,
    /// Where the files come from, if they lie in a bucket.
    mirror: Option<Mirror>,
}

impl Corpus {
    /// Reads the manifest of a directory, local or in a bucket.
    pub(super) fn open(place: &Path) -> Result<Corpus> {
        if let Some(corpus) = Corpus::find(place)? {
            return Ok(corpus);
        }
        if !is_url(place) {
            Manifest::read(place)?;
        }
        Err(Error::Directory {
            dir: place.to_owned(),
            what: format!("holds no corpus: it has no `{FILE_NAME}`"),
            hint: "give the `dir` of a sink of a finished build".to_owned(),
        })
    }

    /// Reads the manifest of a directory, local or in a bucket; `None` if it has none.
    pub(super) fn find(place: &Path) -> Result<Option<Corpus>> {
        let mirror = Mirror::of(place)?;
        let (dir, manifest) = match &mirror {
            None => (place, Manifest::find(place)?),
            Some(mirror) => match mirror.pull_manifest(FILE_NAME)? {
                true => (mirror.dir(), Some(Manifest::read(mirror.dir())?)),
                false => (mirror.dir(), None),
            },
        };
        let (dir, place) = (dir.to_owned(), place.to_owned());
        Ok(manifest.map(|manifest| Corpus { dir, place, manifest, mirror }))
    }

    /// Fetches a file of the corpus if it lies in a bucket.
    pub(super) fn fetch(&self, name: &str) -> Result<()> {
        match &self.mirror {
            None => Ok(()),
            Some(mirror) => Ok(mirror.pull(name).map(|_| ())?),
        }
    }

    /// Fetches every file of a corpus that lies in a bucket; what is missing there stays missing.
    pub(super) fn fetch_all(&self) -> Result<()> {
        let Some(mirror) = &self.mirror else { return Ok(()) };
        for name in mirrored::names(&self.manifest) {
            match mirror.pull(&name) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => {
                    result?;
                }
            }
        }
        Ok(())
    }

    /// Returns the names of the files in `shards/`, in order.
    pub(super) fn shard_files(&self) -> std::io::Result<Vec<String>> {
        match &self.mirror {
            None => file_names(&shards_dir(&self.dir)),
            Some(mirror) => {
                let names = mirror.list("shards")?;
                Ok(names.iter().map(|it| it.trim_start_matches("shards/").to_owned()).collect())
            }
        }
    }

    /// Returns the path of the report that the manifest names; `report.json` is a copy of it.
    pub(super) fn report_path(&self) -> PathBuf {
        let mut files = self.manifest.files.keys();
        let name = files.find(|it| it.starts_with("memos/report-"));
        self.dir.join(name.map_or("report.json", String::as_str))
    }

    /// Returns the rows of a shard, in the order of the file.
    pub(super) fn rows(&self, shard: &Shard) -> Result<Rows> {
        self.fetch(&format!("shards/{}", shard.file))?;
        let path = self.manifest.shard_path(&self.dir, shard);
        if self.manifest.shard_format == "arrow" {
            return Ok(Rows::Arrow(Box::new(ShardReader::open(&path)?)));
        }
        let file = fs_err::File::open(&path)?;
        let reader: Box<dyn BufRead> = match path.extension().is_some_and(|it| it == "zst") {
            true => Box::new(BufReader::new(zstd::Decoder::new(file)?)),
            false => Box::new(BufReader::new(file)),
        };
        let vocabulary = match self.has_tokens() {
            true => None,
            false => Some(Arc::new(self.vocabulary()?)),
        };
        let closing = self.manifest.tokenizer.closing_id;
        Ok(Rows::Jsonl { path, lines: reader.lines(), n_read: 0, vocabulary, closing })
    }

    /// Returns whether the shards hold token ids; if not, rows have those of their text as a whole.
    pub(super) fn has_tokens(&self) -> bool {
        let knob = self.manifest.plan.sink.knobs.get("input-ids");
        knob.and_then(serde_json::Value::as_bool).unwrap_or(true)
    }

    /// Returns the rows of a table of a source as the build saw them; `None` if it keeps none.
    pub(super) fn snapshot<R: Row>(&self, source: &str) -> Result<Option<RowReader<R>>> {
        let mut snapshots = self.manifest.snapshots.iter();
        match snapshots.find(|it| it.source == source && it.table == R::TABLE) {
            None => Ok(None),
            Some(found) => {
                self.fetch(&found.file)?;
                Ok(Some(snapshot::rows(&self.dir.join(&found.file))?))
            }
        }
    }

    /// Reads the corpus's copy of its tokenizer.
    pub(super) fn vocabulary(&self) -> Result<Vocabulary> {
        self.fetch(&self.manifest.tokenizer.file)?;
        let path = self.dir.join(&self.manifest.tokenizer.file);
        let bytes = fs_err::read(&path)?;
        Vocabulary::from_bytes(&bytes)
            .map_err(|cause| StoreError::damaged(&path, cause.to_string()).into())
    }

    /// Returns the source that a user means by its name, its language or its wiki.
    pub(super) fn source(&self, name: &str) -> Option<(&str, &SourceInfo)> {
        let sources = || self.manifest.sources.iter();
        let found = sources()
            .find(|(key, _)| *key == name)
            .or_else(|| sources().find(|(_, it)| it.info.lang == name && !it.documents))
            .or_else(|| sources().find(|(_, it)| it.info.lang == name))
            .or_else(|| sources().find(|(_, it)| it.info.wiki == name));
        found.map(|(key, it)| (key.as_str(), it))
    }

    /// Returns into how many buckets pairs were dealt.
    pub(super) fn buckets(&self) -> Option<u64> {
        self.manifest.plan.sink.knobs.get("buckets")?.as_u64().filter(|buckets| *buckets != 0)
    }

    /// Returns a knob of the operator that made the rows.
    pub(super) fn window_knob(&self, knob: &str) -> Option<&str> {
        let plan = &self.manifest.plan;
        let windows = plan.operators.get(plan.sink.inputs.first()?)?;
        windows.knobs.get(knob)?.as_str()
    }

    /// Returns the error that says that nothing of the corpus was meant.
    pub(super) fn nothing(what: String, hint: impl Into<String>) -> Error {
        Error::Nothing { what, hint: hint.into() }
    }
}

/// The rows of one shard.
pub(super) enum Rows {
    /// An Arrow file.
    Arrow(Box<ShardReader>),
    /// One JSON object a line.
    Jsonl {
        /// The file, for messages.
        path: PathBuf,
        /// What is left of it.
        lines: Lines<Box<dyn BufRead>>,
        /// Lines read so far.
        n_read: u64,
        /// What makes token ids of texts, where the file has none.
        vocabulary: Option<Arc<Vocabulary>>,
        /// Id of the closing token.
        closing: u32,
    },
}

impl Iterator for Rows {
    type Item = Result<Segment>;

    fn next(&mut self) -> Option<Result<Segment>> {
        match self {
            Rows::Arrow(reader) => Some(reader.next()?.map_err(Error::from)),
            Rows::Jsonl { path, lines, n_read, vocabulary, closing } => {
                let line = lines.next()?;
                let row = *n_read;
                *n_read += 1;
                let bad = |what| StoreError::Row { path: path.clone(), row, what };
                let encode = |text: &str| {
                    let mut ids = vocabulary.as_ref()?.encode(text);
                    ids.push(*closing);
                    Some(ids)
                };
                let read = |line: String| Ok(segment(&line, encode).map_err(bad)?);
                // Of bytes that are no text the library does not say where they are.
                let line = line.map_err(|error| match error.kind() {
                    ErrorKind::InvalidData => bad(error.to_string()).into(),
                    _ => Error::from(error),
                });
                Some(line.and_then(read))
            }
        }
    }
}

/// A row as the `jsonl` sink writes it.
#[derive(Deserialize)]
struct JsonRow {
    id: String,
    pair: String,
    index: u32,
    origin: Origin,
    input_ids: Option<Vec<u32>>,
    text: Option<String>,
    spans: Vec<Span>,
    score: Option<f64>,
    #[serde(default)]
    retrieval: Option<Retrieval>,
}

fn segment(
    line: &str,
    encode: impl FnOnce(&str) -> Option<Vec<u32>>,
) -> std::result::Result<Segment, String> {
    let row: JsonRow = serde_json::from_str(line).map_err(|cause| cause.to_string())?;
    let digest = |text: &str| Digest::parse(text).ok_or(format!("`{text}` is not a digest"));
    let encoded = || encode(row.text.as_deref()?);
    let input_ids = row.input_ids.or_else(encoded).ok_or("it has no `input_ids`")?;
    Ok(Segment {
        id: digest(&row.id)?,
        pair: digest(&row.pair)?,
        index: row.index,
        origin: row.origin,
        input_ids,
        spans: row.spans,
        score: row.score.map(|score| (score * 1e6).round() as i32),
        retrieval: row.retrieval,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_is_a_segment() {
        let id = Digest::of(b"id");
        let line = format!(
            r#"{{"id":"{id}","pair":"{id}","index":2,"origin":"web","input_ids":[5,6],"spans":[],"score":0.75,"text":"x"}}"#
        );
        let none = |_: &str| None;
        let read = segment(&line, none).unwrap();
        assert_eq!((read.id, read.index, read.origin), (id, 2, Origin::Web));
        assert_eq!((read.input_ids, read.score), (vec![5, 6], Some(750_000)));
        assert!(segment("{}", none).is_err());
        assert!(segment(&line.replace(&id.to_string(), "z"), none).unwrap_err().contains("`z`"));
        let bare = line.replace("\"input_ids\":[5,6],", "");
        assert_eq!(segment(&bare, |_| Some(vec![7])).unwrap().input_ids, [7]);
        assert!(segment(&bare, none).is_err());
    }
}
