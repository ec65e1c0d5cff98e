//! Makes vectors of the documents of one file, and a graph of them where that is worth it.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crossic_operators::{
    record::Digest,
    retrieve::{
        IndexKind,
        index::{hnsw::Settings, segment},
        library::EncodedFile,
        near::fingerprint,
    },
};
use rustc_hash::FxHashSet;

use super::{
    encoder::Searching,
    record::Record,
    rows::{DocumentRow, pack},
    segment::{documents, kind},
};
use crate::{
    clock::{self, Activity},
    dump::documents::{
        document::WebDocument,
        file::{Batch, DocumentFile},
        screen::{Reason, Screen},
    },
    error::Result,
    io::Staged,
    sources::{SourceCounts, Task, Wanted, WebDocuments},
    storage,
    store::{memos, snapshot::SnapshotWriter},
    work::Work,
};

/// Changes when the same file gives other rows.
const VERSION: &str = "crossic documents 1";

/// Rows out of order that are held: with their vectors they are large.
const RUN_ROWS: usize = 1 << 16;

/// Returns a task for every file of a source; `searching` are the operators that search it, by
/// their stages.
pub fn tasks(
    dir: &Path,
    files: &WebDocuments,
    searching: &BTreeMap<u16, Arc<Searching>>,
) -> Vec<Box<dyn Task<EncodedFile>>> {
    // Operators that differ in nothing that matters here share the vectors.
    let mut groups: BTreeMap<Digest, (Vec<u16>, Arc<Searching>)> = BTreeMap::new();
    for (stage, it) in searching {
        let group = groups.entry(settings_digest(it)).or_insert((Vec::new(), Arc::clone(it)));
        group.0.push(*stage);
    }
    let mut tasks: Vec<Box<dyn Task<EncodedFile>>> = Vec::new();
    for (path, file) in files.files.iter().zip(0..) {
        for (stages, searching) in groups.values() {
            tasks.push(Box::new(EncodeFile {
                dir: dir.to_owned(),
                path: path.clone(),
                file,
                screen: files.screen.clone(),
                stages: stages.clone(),
                searching: Arc::clone(searching),
                open: None,
                memos: Vec::new(),
                counts: SourceCounts::new(),
                work: Work::default(),
            }));
        }
    }
    tasks
}

fn settings_digest(searching: &Searching) -> Digest {
    let config = &searching.config;
    // How many candidates a search keeps decides which nodes of a graph count as lost.
    let index = match config.index {
        IndexKind::Flat => "flat".to_owned(),
        kind => {
            let Settings { links, effort, breadth } = config.graph();
            format!("{kind:?} {links} {effort} {breadth}")
        }
    };
    Digest::of_fields(&[&searching.encoder.digest().bytes(), index.as_bytes()])
}

/// Reads one file of documents.
struct EncodeFile {
    dir: PathBuf,
    path: PathBuf,
    file: u32,
    screen: Screen,
    stages: Vec<u16>,
    searching: Arc<Searching>,
    open: Option<Open>,
    memos: Vec<String>,
    counts: SourceCounts,
    work: Work,
}

/// A file that is being read.
struct Open {
    key: Digest,
    documents: DocumentFile,
    batch: Batch,
    seen: FxHashSet<Digest>,
    rows: SnapshotWriter<DocumentRow>,
    counts: SourceCounts,
}

impl EncodeFile {
    /// Returns the key of all that decides what is made of the file.
    fn key(&self) -> Result<Digest> {
        Ok(Digest::of_fields(&[
            VERSION.as_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes(),
            storage::hash(&self.path)?.as_bytes(),
            format!("{:?}", self.screen).as_bytes(),
            &settings_digest(&self.searching).bytes(),
        ]))
    }

    fn finish(&mut self, key: Digest, record: &Record, rows: &mut Vec<EncodedFile>) {
        let content = Digest::parse(&record.content).unwrap_or_default();
        rows.extend(self.stages.iter().map(|stage| EncodedFile {
            stage: *stage,
            file: self.file,
            content,
        }));
        self.memos.extend(record.files(key));
        for (what, n) in &record.counts {
            *self.counts.entry(what.clone()).or_insert(0) += n;
        }
    }

    /// Seals the vectors, and a graph where there are enough of them.
    fn seal(&mut self, open: Open) -> Result<(Digest, Record)> {
        let _clock = clock::start(Activity::Encode);
        let short: String = open.key.to_string().chars().take(16).collect();
        let info = open.rows.finish(&format!("documents-{short}"))?;
        let folder = self.dir.join(memos::FOLDER);
        let n_documents = open.seen.len() as u64;
        let mut hashes = vec![info.hash.into_bytes()];
        let mut graph = None;
        let kind = kind(&self.searching, n_documents as usize)?;
        if matches!(kind, segment::Kind::Hnsw(_)) {
            let documents = documents(&folder.join(&info.file))?;
            let vectors = documents.into_iter().map(|(row, vector)| (row.text, vector)).collect();
            let shape = self.searching.encoder.shape()?;
            let built = segment::build(kind, shape, vectors)
                .map_err(|cause| super::usage(cause.to_string(), "set `index = \"flat\"`"))?;
            let mut staged = Staged::create(&folder)?;
            built.save(&mut staged)?;
            staged.flush()?;
            let mut name = String::new();
            let (_, hash) = staged.seal(|hash| {
                let digits: String = hash.chars().take(16).collect();
                name = format!("graph-{short}-{digits}.bin");
                name.clone()
            })?;
            hashes.push(hash.into_bytes());
            graph = Some(name);
        }
        let hashes: Vec<&[u8]> = hashes.iter().map(Vec::as_slice).collect();
        let record = Record {
            key: open.key.to_string(),
            content: Digest::of_fields(&hashes).to_string(),
            documents: info.file,
            graph,
            n_documents,
            counts: open.counts,
        };
        record.write(&self.dir, open.key)?;
        Ok((open.key, record))
    }
}

impl Open {
    fn count(&mut self, what: &str, n: u64) {
        if n != 0 {
            *self.counts.entry(format!("documents/{what}")).or_insert(0) += n;
        }
    }

    /// Takes in the batch at hand; returns the bytes of its texts.
    fn take(&mut self, searching: &Searching, work: &mut Work) -> Result<usize> {
        let batch = std::mem::take(&mut self.batch);
        self.count("read", (batch.documents.len() + batch.refused.len()) as u64);
        for refused in &batch.refused {
            self.count(refused.reason.name(), 1);
        }
        let (mut fresh, mut known): (Vec<&WebDocument>, Vec<&WebDocument>) = (vec![], vec![]);
        for document in &batch.documents {
            match self.seen.insert(document.digest) {
                true => fresh.push(document),
                false => known.push(document),
            }
        }
        let texts: Vec<&str> = fresh.iter().map(|it| it.text.as_str()).collect();
        let vectors = searching.encoder.documents(&texts)?;
        let shape = searching.encoder.shape()?;
        work.documents_encoded += fresh.len() as u64;
        for (document, vector) in fresh.into_iter().zip(vectors) {
            if !shape.takes(&vector) {
                // Nothing of it can be found: no word, no token.
                self.count("no-words", 1);
                self.seen.remove(&document.digest);
                continue;
            }
            self.count("kept", 1);
            self.rows.push(row(document, pack(&vector)))?;
        }
        for document in known {
            if self.seen.contains(&document.digest) {
                self.count(Reason::Duplicate.name(), 1);
                self.rows.push(row(document, Vec::new()))?;
            } else {
                // The text that it equals was in this batch and could not be encoded either.
                self.count("no-words", 1);
            }
        }
        let n_bytes = batch.documents.iter().map(|it| it.text.len()).sum();
        self.batch = batch;
        Ok(n_bytes)
    }
}

fn row(document: &WebDocument, vector: Vec<u8>) -> DocumentRow {
    DocumentRow {
        text: document.digest,
        id: document.id,
        name: document.source_id.clone(),
        url: document.url.clone(),
        n_chars: u32::try_from(document.text.chars().count()).unwrap_or(u32::MAX),
        n_paragraphs: document.n_paragraphs,
        near: if vector.is_empty() { 0 } else { fingerprint(&document.text) },
        vector,
    }
}

impl Task<EncodedFile> for EncodeFile {
    fn step(&mut self, budget: usize, _: &Wanted, rows: &mut Vec<EncodedFile>) -> Result<bool> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let key = self.key()?;
                let path = self.dir.join(memos::FOLDER).join(Record::file(key));
                let record = Record::read(&path).filter(|it| it.key == key.to_string());
                if let Some(record) = record {
                    if record.is_whole(&self.dir) {
                        self.work.documents_kept += record.n_documents;
                        self.finish(key, &record, rows);
                        return Ok(false);
                    }
                    record.remove(&self.dir)?;
                }
                let folder = self.dir.join(memos::FOLDER);
                Open {
                    key,
                    documents: DocumentFile::open(&self.path, &self.screen)?,
                    batch: Batch::default(),
                    seen: FxHashSet::default(),
                    rows: SnapshotWriter::with_runs(&folder, RUN_ROWS)?,
                    counts: SourceCounts::new(),
                }
            }
        };
        let mut spent = 0;
        while spent < budget {
            let more = open.documents.next_batch_of(budget, &mut open.batch)?;
            spent += open.take(&self.searching, &mut self.work)?.max(1);
            if !more {
                let (key, record) = self.seal(open)?;
                self.finish(key, &record, rows);
                return Ok(false);
            }
        }
        self.open = Some(open);
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.documents.n_bytes_read())
    }

    fn counts(&mut self) -> SourceCounts {
        std::mem::take(&mut self.counts)
    }

    fn work(&mut self) -> Work {
        std::mem::take(&mut self.work)
    }

    fn memos(&mut self) -> Vec<String> {
        std::mem::take(&mut self.memos)
    }
}
