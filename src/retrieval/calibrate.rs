//! Measures a threshold: the English counterparts of articles are planted among the documents, and
//! every article asks as in a build.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufWriter, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crossic_operators::{
    record::{Digest, Pair},
    retrieve::library::{Described, EncodedFile, Found, Library, Questions},
    text::{DELIMITER, Document},
};

use super::{
    encode,
    figures::Answered,
    library::{DocumentLibrary, Shelf},
    rows::DocumentRow,
    usage,
};
use crate::{
    dump::documents::screen::Screen,
    error::{Error, Result},
    sources::{Wanted, WebDocuments},
    store::{memos, snapshot, texts::TextStore},
};

/// Articles that are asked for at once.
const BATCH: usize = 1 << 17;

/// Bytes of planted documents that are encoded at a step.
const STEP: usize = 8 << 20;

/// The file of the planted documents.
const PLANTED: &str = "planted.jsonl";

/// A library that hears what articles ask, and answers nothing.
#[derive(Debug, Default)]
pub struct Listener(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    files: BTreeSet<EncodedFile>,
    questions: Vec<Questions>,
}

/// What a measuring found.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Articles that asked, those without a counterpart among them.
    pub n_asked: u64,
    /// Documents that were planted.
    pub n_planted: u64,
    /// Documents beside them, with distinct texts in a file.
    pub n_documents: u64,
    /// What each article with a counterpart got.
    pub answered: Vec<Answered>,
}

impl Listener {
    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Library for Listener {
    fn answer(&self, files: &[EncodedFile], questions: &[Questions]) -> Option<Vec<Vec<Found>>> {
        let mut heard = self.heard();
        heard.files.extend(files);
        heard.questions.extend_from_slice(questions);
        Some(vec![Vec::new(); questions.len()])
    }

    fn reads_counterparts(&self) -> bool {
        true
    }

    fn fetch(&self, _: EncodedFile, texts: &[Digest]) -> Option<Vec<Described>> {
        Some(vec![Described::default(); texts.len()])
    }

    fn paired(&self, _: u16, _: &[Pair]) -> bool {
        true
    }

    fn keep(&self, text: &str) -> Option<Digest> {
        Some(Digest::of(text.as_bytes()))
    }

    fn seal(&self) -> bool {
        true
    }
}

/// Puts all questions that a listener heard to the documents of a shelf, among which the English
/// counterparts of the articles are planted; the store has their texts.
///
/// # Errors
///
/// No article has a counterpart with a text, or a file cannot be read or written.
pub fn measure(
    store: &Arc<TextStore>,
    listener: &Listener,
    (stage, mut shelf): (u16, Shelf),
) -> Result<Measured> {
    let heard = std::mem::take(&mut *listener.heard());
    let n_asked = heard.questions.len() as u64;
    let mut questions = heard.questions;
    let wanted: BTreeSet<Digest> = questions.iter().filter_map(|it| it.counterpart).collect();
    let path = store.dir().join(PLANTED);
    write(store, &wanted, &path)?;
    let planted = WebDocuments {
        files: vec![path.clone()],
        names: vec![PLANTED.to_owned()],
        screen: Screen { language: None, min_words: 0, mirrors: true, ..Screen::default() },
    };
    let file = encode(store.dir(), &planted, (stage, &shelf))?;
    let file = EncodedFile { file: shelf.documents.files.len() as u32, ..file };
    shelf.documents.files.push(path);
    shelf.documents.names.push(PLANTED.to_owned());

    let failed = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&failed);
    let fail = move |error: Error| {
        keep.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    };
    let shelves = BTreeMap::from([(stage, shelf)]);
    let library = DocumentLibrary::new(Arc::clone(store), shelves, Vec::new(), &[], fail);
    let mut files: Vec<EncodedFile> = heard.files.into_iter().collect();
    let mut n_documents = 0;
    for file in &files {
        n_documents += library.record(*file)?.n_documents;
    }
    files.push(file);

    // The text of a planted document lacks the title, so it has a digest of its own.
    let rows = snapshot::rows::<DocumentRow>(
        &store.dir().join(memos::FOLDER).join(&library.record(file)?.documents),
    )?;
    let mut texts: BTreeMap<Digest, Digest> = BTreeMap::new();
    for row in rows {
        let row = row?;
        texts.extend(Digest::parse(&row.name).map(|article| (article, row.text)));
    }
    let planted: BTreeSet<Digest> = texts.values().copied().collect();
    let own = |it: &Questions| texts.get(&it.counterpart?).copied();
    questions.retain(|it| own(it).is_some());
    if questions.is_empty() {
        return Err(Error::Nothing {
            what: format!(
                "of {n_asked} articles that ask, none has an English counterpart with a text"
            ),
            hint: "language links must lead to pages of the English wiki, the first input"
                .to_owned(),
        });
    }
    let mut answered = Vec::with_capacity(questions.len());
    for questions in questions.chunks(BATCH) {
        let found = library.answers(&files, questions)?;
        answered.extend(questions.iter().zip(found).map(|(asked, found)| {
            let mut answered = Answered::default();
            let own = own(asked);
            for it in found {
                match it.text {
                    text if own == Some(text) => answered.own = Some(it.score),
                    text if planted.contains(&text) => answered.others.push(it.score),
                    _ => answered.web.push(it.score),
                }
            }
            answered
        }));
    }
    if let Some(error) = failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    Ok(Measured { n_asked, n_planted: planted.len() as u64, n_documents, answered })
}

/// Writes articles as a file of documents. Their titles stay out: the text has to be found by what
/// it says, as a web document is.
fn write(store: &TextStore, articles: &BTreeSet<Digest>, path: &Path) -> Result<()> {
    let mut out = BufWriter::new(fs_err::File::create(path)?);
    let mut text = String::new();
    for article in articles {
        store.get(*article, &mut text)?;
        let paragraphs: Vec<&str> = Document::parse(&text).paragraphs().collect();
        let line =
            serde_json::json!({ "id": article.to_string(), "text": paragraphs.join(DELIMITER) });
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Makes vectors of the planted documents.
fn encode(
    dir: &Path,
    planted: &WebDocuments,
    (stage, shelf): (u16, &Shelf),
) -> Result<EncodedFile> {
    let searching = BTreeMap::from([(stage, Arc::clone(&shelf.searching))]);
    let mut rows = Vec::new();
    for mut task in encode::tasks(dir, planted, &searching) {
        while task.step(STEP, &Wanted::default(), &mut rows)? {}
    }
    let none = || usage("nothing was planted".to_owned(), "this is a bug of crossic: report it");
    rows.first().copied().ok_or_else(none)
}
