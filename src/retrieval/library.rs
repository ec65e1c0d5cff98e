//! The documents of a run, as the operator `retrieve` asks for them.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crossic_operators::{
    record::{Digest, Pair},
    retrieve::{
        EncoderKind,
        encoder::frequencies::Frequencies,
        index::hit::Wanted,
        library::{Described, EncodedFile, Found, Library, Questions},
        vector::Vector,
    },
};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::{
    answers::Answers,
    encoder::Searching,
    rank,
    record::Record,
    rows::{DocumentRow, PairedRow, pack},
    segment::{Segment, for_each},
};
use crate::{
    clock::{self, Activity},
    dump::documents::file::{Batch, DocumentFile},
    error::{Error, Result},
    sources::WebDocuments,
    store::{
        memos,
        pack::PackWriter,
        row::Row,
        snapshot::{self, SnapshotWriter},
        texts::TextStore,
    },
    work::Work,
};

/// Changes when the same documents and questions give other candidates.
const VERSION: &str = "crossic found 1";

/// Bytes of indexes that are kept in memory; the one at hand may be larger.
const MEMORY: usize = 4 << 30;

/// Bytes of a pack.
const PACK_BYTES: u64 = 64 << 20;

/// What one operator searches.
#[derive(Debug)]
pub struct Shelf {
    /// Name of the operator.
    pub operator: String,
    /// Its encoder and threshold.
    pub searching: Arc<Searching>,
    /// The documents.
    pub documents: WebDocuments,
}

/// What a process leaves when it is through with its documents.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Finished {
    /// Names of the files in `memos/` with answers, and with the pairs that were made.
    pub memos: Vec<String>,
    /// What was done.
    pub work: Work,
}

/// The documents of a run.
pub struct DocumentLibrary {
    store: Arc<TextStore>,
    shelves: BTreeMap<u16, Shelf>,
    sources: Vec<String>,
    fail: Box<dyn Fn(Error) + Send + Sync>,
    state: Mutex<State>,
}

/// What changes while documents are searched: one worker of a process does so at a time.
struct State {
    answers: Answers,
    /// The segments in memory, the one that was used last at the end.
    segments: VecDeque<(Digest, Arc<Segment>)>,
    frequencies: Option<(Vec<EncodedFile>, Arc<Frequencies>)>,
    packs: Option<PackWriter>,
    paired: BTreeMap<u16, SnapshotWriter<PairedRow>>,
    work: Work,
}

impl DocumentLibrary {
    /// Returns the library over a corpus directory. `last` are the memos of the last build, `fail`
    /// is told of an error, `sources` are the names of the sources in their order.
    pub fn new(
        store: Arc<TextStore>,
        shelves: BTreeMap<u16, Shelf>,
        sources: Vec<String>,
        last: &[String],
        fail: impl Fn(Error) + Send + Sync + 'static,
    ) -> DocumentLibrary {
        let state = State {
            answers: Answers::new(store.dir(), last),
            segments: VecDeque::new(),
            frequencies: None,
            packs: None,
            paired: BTreeMap::new(),
            work: Work::default(),
        };
        DocumentLibrary { store, shelves, sources, fail: Box::new(fail), state: Mutex::new(state) }
    }

    /// Makes everything durable that is kept for the next build.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn finish(&self) -> Result<Finished> {
        let mut state = self.state();
        self.seal_pack(&mut state)?;
        let mut finished =
            Finished { memos: state.answers.finish()?, work: std::mem::take(&mut state.work) };
        for writer in std::mem::take(&mut state.paired).into_values() {
            finished.memos.push(writer.finish(PairedRow::TABLE)?.file);
        }
        Ok(finished)
    }

    fn dir(&self) -> &Path {
        self.store.dir()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn catch<T>(&self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                (self.fail)(error);
                None
            }
        }
    }

    fn shelf(&self, stage: u16) -> &Shelf {
        match self.shelves.get(&stage) {
            Some(shelf) => shelf,
            None => unreachable!("an operator that searches has a shelf"),
        }
    }

    pub(super) fn record(&self, file: EncodedFile) -> Result<Record> {
        let missing = || Error::Nothing {
            what: format!("the vectors {} are not in `{}`", file.content, self.dir().display()),
            hint: "give every process the same directory, on a disk that all of them share"
                .to_owned(),
        };
        Record::find(self.dir(), file.content)?.ok_or_else(missing)
    }

    fn documents_file(&self, record: &Record) -> PathBuf {
        self.dir().join(memos::FOLDER).join(&record.documents)
    }

    /// Returns the segment of a file, loading it unless it is in memory.
    fn segment(&self, state: &mut State, file: EncodedFile) -> Result<Arc<Segment>> {
        if let Some(at) = state.segments.iter().position(|it| it.0 == file.content)
            && let Some(segment) = state.segments.remove(at)
        {
            state.segments.push_back(segment.clone());
            return Ok(segment.1);
        }
        let record = self.record(file)?;
        let searching = &self.shelf(file.stage).searching;
        let segment = Arc::new(Segment::load(self.dir(), &record, searching)?);
        state.segments.push_back((file.content, Arc::clone(&segment)));
        let used = |all: &VecDeque<(Digest, Arc<Segment>)>| -> usize {
            all.iter().map(|it| it.1.n_bytes()).sum()
        };
        while 1 < state.segments.len() && MEMORY < used(&state.segments) {
            state.segments.pop_front();
        }
        Ok(segment)
    }

    /// Returns how many documents have each word, over all files.
    fn frequencies(&self, state: &mut State, files: &[EncodedFile]) -> Result<Arc<Frequencies>> {
        if let Some((of, known)) = &state.frequencies
            && of == files
        {
            return Ok(Arc::clone(known));
        }
        let mut all = Frequencies::default();
        for file in files {
            for_each(&self.documents_file(&self.record(*file)?), |_, vector| {
                if let Vector::Sparse(vector) = vector {
                    all.add(&vector);
                }
            })?;
        }
        let all = Arc::new(all);
        state.frequencies = Some((files.to_vec(), Arc::clone(&all)));
        Ok(all)
    }

    /// Returns the documents that answer each question, best first.
    pub(super) fn answers(
        &self,
        files: &[EncodedFile],
        questions: &[Questions],
    ) -> Result<Vec<Vec<Found>>> {
        let Some(first) = files.first() else { return Ok(vec![Vec::new(); questions.len()]) };
        let mut state = self.state();
        let searching = &*self.shelf(first.stage).searching;
        let frequencies = match searching.config.encoder {
            EncoderKind::Lexical => Some(self.frequencies(&mut state, files)?),
            _ => None,
        };
        let vectors = searching.encoder.questions(questions, frequencies.as_deref())?;
        // In the order of their digests, as answers are kept.
        let mut asked: Vec<(Digest, usize)> = vectors
            .iter()
            .enumerate()
            .map(|(at, (title, full))| (Digest::of_fields(&[&pack(title), &pack(full)]), at))
            .collect();
        asked.sort_unstable();
        let digests: Vec<Digest> = asked.iter().map(|it| it.0).collect();

        let wanted = searching.wanted();
        let mut all: Vec<Vec<rank::Placed>> = vec![Vec::new(); questions.len()];
        for file in files {
            let key = searching.key(*file);
            let mut known = state.answers.recall(key, &digests)?;
            let open: Vec<usize> =
                (0..known.len()).filter(|at| known.get(*at).is_some_and(Option::is_none)).collect();
            state.work.questions_recalled += (known.len() - open.len()) as u64;
            state.work.questions_searched += open.len() as u64;
            if !open.is_empty() {
                let segment = self.segment(&mut state, *file)?;
                let _clock = clock::start(Activity::Search);
                let questions: Vec<(Vector, Vector)> =
                    open.iter().filter_map(|at| vectors.get(asked.get(*at)?.1).cloned()).collect();
                let found = segment.search(&questions, searching.config.mode, wanted)?;
                for (at, found) in open.into_iter().zip(found) {
                    if let Some(slot) = known.get_mut(at) {
                        *slot = Some(found);
                    }
                }
            }
            for ((digest, at), candidates) in asked.iter().zip(known) {
                let candidates = candidates.unwrap_or_default();
                if let Some(all) = all.get_mut(*at) {
                    rank::merge(all, candidates.iter().map(|it| (*it, file.file)), wanted.top);
                }
                state.answers.keep(key, *digest, candidates)?;
            }
        }
        let config = &searching.config;
        let best = |it| rank::best(it, config.top, config.skip_near_duplicates);
        Ok(all.into_iter().map(best).collect())
    }

    fn fetched(&self, file: EncodedFile, texts: &[Digest]) -> Result<Vec<Described>> {
        let record = self.record(file)?;
        let mut described = Vec::with_capacity(texts.len());
        let mut wanted = texts.iter().peekable();
        // The file has the lowest id of each text first, and so does the walk.
        for row in snapshot::rows::<DocumentRow>(&self.documents_file(&record))? {
            let Some(text) = wanted.peek() else { break };
            let row = row?;
            if row.text == **text {
                wanted.next();
                described.push(Described {
                    name: row.name,
                    url: row.url,
                    n_chars: row.n_chars,
                    n_paragraphs: row.n_paragraphs,
                });
            }
        }
        let mut missing: FxHashSet<Digest> =
            texts.iter().copied().filter(|it| !self.store.contains(*it)).collect();
        let shelf = self.shelf(file.stage);
        let path = shelf.documents.files.get(file.file as usize);
        let (Some(path), false) = (path, missing.is_empty()) else { return Ok(described) };
        let mut documents = DocumentFile::open(path, &shelf.documents.screen)?;
        let mut batch = Batch::default();
        while !missing.is_empty() {
            let more = documents.next_batch(&mut batch)?;
            for document in &batch.documents {
                if missing.remove(&document.digest) {
                    self.put(&mut self.state(), document.digest, &document.text)?;
                }
            }
            if !more {
                break;
            }
        }
        match missing.is_empty() {
            true => Ok(described),
            false => Err(Error::Nothing {
                what: format!("`{}` has changed while it was read", path.display()),
                hint: "let nobody write to the input files, and start again".to_owned(),
            }),
        }
    }

    fn put(&self, state: &mut State, digest: Digest, text: &str) -> Result<()> {
        if self.store.contains(digest) {
            return Ok(());
        }
        let writer = match &mut state.packs {
            Some(writer) => writer,
            None => state.packs.insert(PackWriter::create(&self.store.packs_dir())?),
        };
        writer.put(digest, text)?;
        if PACK_BYTES <= writer.n_bytes() {
            self.seal_pack(state)?;
        }
        Ok(())
    }

    fn seal_pack(&self, state: &mut State) -> Result<()> {
        if let Some(name) = state.packs.take().map(PackWriter::seal).transpose()?.flatten() {
            self.store.add(name)?;
        }
        Ok(())
    }

    fn note(&self, stage: u16, pairs: &[Pair]) -> Result<()> {
        let mut state = self.state();
        let writer = match state.paired.remove(&stage) {
            Some(writer) => writer,
            None => SnapshotWriter::create(&self.dir().join(memos::FOLDER))?,
        };
        let writer = state.paired.entry(stage).or_insert(writer);
        for pair in pairs {
            let target = self.sources.get(usize::from(pair.target.source));
            writer.push(PairedRow {
                page: pair.target.page,
                target: target.cloned().unwrap_or_default(),
                document: pair.english.text.digest,
                evidence: pair.evidence,
            })?;
        }
        Ok(())
    }
}

impl Searching {
    /// Returns how many candidates are looked at, of a file and of all: of nearly equal ones only
    /// one stays.
    fn wanted(&self) -> Wanted {
        let top = match self.config.skip_near_duplicates {
            true => (3 * self.config.top + 1).max(10),
            false => self.config.top,
        };
        Wanted { top, threshold: self.threshold.millionths() }
    }

    /// Returns the key of all that decides what a question finds in a file.
    fn key(&self, file: EncodedFile) -> Digest {
        let Wanted { top, threshold } = self.wanted();
        let settings = format!("{VERSION} {:?} {top} {threshold}", self.config.mode);
        Digest::of_fields(&[&file.content.bytes(), settings.as_bytes()])
    }
}

impl Library for DocumentLibrary {
    fn answer(&self, files: &[EncodedFile], questions: &[Questions]) -> Option<Vec<Vec<Found>>> {
        self.catch(self.answers(files, questions))
    }

    fn fetch(&self, file: EncodedFile, texts: &[Digest]) -> Option<Vec<Described>> {
        self.catch(self.fetched(file, texts))
    }

    fn paired(&self, stage: u16, pairs: &[Pair]) -> bool {
        self.catch(self.note(stage, pairs)).is_some()
    }

    fn keep(&self, text: &str) -> Option<Digest> {
        let digest = Digest::of(text.as_bytes());
        self.catch(self.put(&mut self.state(), digest, text)).map(|()| digest)
    }

    fn seal(&self) -> bool {
        self.catch(self.seal_pack(&mut self.state())).is_some()
    }
}
