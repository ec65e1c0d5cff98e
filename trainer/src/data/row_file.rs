//! The files behind packed rows: their bytes, how they are made, and how damage shows.
//!
//! Tokens: a header (16 bytes of magic, 32 of the corpus), then for every row its ids, its spans (language, start, end)
//! and a check sum, all as 32-bit words, little endian. Index: a header (magic, corpus, number of rows, number of words
//! of the token file), 44 bytes a row (id, pair, one past its last word, its number of tokens), and the hash of all
//! that. The token file is renamed first and the index last: where there is an index, both are whole.

use std::{
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use crossic_operators::record::Digest;

use crate::{
    data::corpus::{CorpusInfo, LanguageSpan, Row, RowKind},
    error::{Error, Result},
};

const TOKENS_MAGIC: &[u8; 16] = b"crossic tokens 1";
const INDEX_MAGIC: &[u8; 16] = b"crossic rowidx 1";
/// Bytes of a header before what differs between the files.
const HEAD: usize = 48;
/// Bytes of a row in the index.
const ENTRY: usize = 44;
/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 20;
/// Words of the header of the token file.
pub(crate) const HEADER_WORDS: u64 = (HEAD / 4) as u64;

/// Where the two files of a corpus lie.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) tokens: PathBuf,
    pub(crate) index: PathBuf,
}

impl Paths {
    /// Returns the paths in the directory of a run; corpora that share a prefix are told apart by the headers.
    pub(crate) fn of(run: &Path, info: &CorpusInfo) -> Paths {
        // Nothing but letters and digits of the digest may reach a path.
        let letters = info.digest.chars().filter(char::is_ascii_alphanumeric);
        let prefix: String = letters.take(16).collect();
        let dir = run.join("cache");
        Paths {
            tokens: dir.join(format!("rows-{prefix}.tokens")),
            index: dir.join(format!("rows-{prefix}.index")),
        }
    }
}

/// What is in memory of every row: 44 bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) ids: Vec<Digest>,
    pub(crate) pairs: Vec<Digest>,
    /// One past the last word of every row in the token file.
    pub(crate) ends: Vec<u64>,
    pub(crate) lengths: Vec<u32>,
}

/// Returns what marks the files of a corpus as its own, and keys the check sums of its rows.
pub(crate) fn corpus_key(info: &CorpusInfo) -> [u8; 32] {
    *blake3::hash(info.digest.as_bytes()).as_bytes()
}

/// Returns the check sum of the ids and spans of a row, as they lie in the token file.
fn check_sum(key: &[u8; 32], id: Digest, pair: Digest, words: &[u8]) -> u32 {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&id.bytes()).update(&pair.bytes()).update(words);
    hasher.finalize().as_bytes().iter().take(4).fold(0, |sum, it| (sum << 8) | u32::from(*it))
}

/// Returns the bytes of a row in the token file.
fn encode(key: &[u8; 32], row: &Row) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 * (row.ids.len() + 3 * row.spans.len() + 1));
    for id in &row.ids {
        bytes.extend(id.to_le_bytes());
    }
    for span in &row.spans {
        for word in [u32::from(span.language), span.start, span.end] {
            bytes.extend(word.to_le_bytes());
        }
    }
    let sum = check_sum(key, row.id, row.pair, &bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Returns a row from its bytes in the token file, or `None` if they are not what was written.
pub(crate) fn decode(
    key: &[u8; 32],
    id: Digest,
    pair: Digest,
    n_tokens: u32,
    bytes: &[u8],
) -> Option<Row> {
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    if check_sum(key, id, pair, content) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (words, _) = content.as_chunks::<4>();
    let mut ids: Vec<u32> = words.iter().map(|it| u32::from_le_bytes(*it)).collect();
    if ids.len() < n_tokens as usize {
        return None;
    }
    let (spans, rest) = ids.get(n_tokens as usize..)?.as_chunks::<3>();
    let spans = spans
        .iter()
        .map(|[language, start, end]| {
            let language = u16::try_from(*language).ok()?;
            Some(LanguageSpan { language, start: *start, end: *end })
        })
        .collect::<Option<Vec<_>>>()?;
    if !rest.is_empty() {
        return None;
    }
    ids.truncate(n_tokens as usize);
    Some(Row { id, pair, ids, spans })
}

/// Writes both files, and returns the index. Tokens pass through; 44 bytes a row stay in memory. `told` hears the
/// numbers of rows and tokens after every row.
///
/// # Errors
///
/// A row cannot be had or does not fit the corpus, there is none, or the disk fails. Then neither file is left.
pub(crate) fn write(
    paths: &Paths,
    info: &CorpusInfo,
    rows: &mut dyn Iterator<Item = Result<Row>>,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Index> {
    if let Some(dir) = paths.tokens.parent() {
        fs_err::create_dir_all(dir)?;
    }
    let key = corpus_key(info);
    let mut aside = Aside::create(&paths.tokens)?;
    aside.writer.write_all(TOKENS_MAGIC)?;
    aside.writer.write_all(&key)?;
    let mut index = Index::default();
    let (mut end, mut n_tokens) = (HEADER_WORDS, 0);
    for row in rows {
        let row = row?;
        let length = check(info, &row)?;
        let bytes = encode(&key, &row);
        aside.writer.write_all(&bytes)?;
        end += bytes.len() as u64 / 4;
        n_tokens += u64::from(length);
        index.ids.push(row.id);
        index.pairs.push(row.pair);
        index.ends.push(end);
        index.lengths.push(length);
        told(index.ids.len() as u64, n_tokens);
    }
    // An index of the same name would be of other tokens from here on.
    remove(&paths.index)?;
    aside.publish(&paths.tokens)?;
    let mut aside = Aside::create(&paths.index)?;
    write_index(&mut aside.writer, &key, end, &index)?;
    aside.publish(&paths.index)?;
    Ok(index)
}

fn write_index(writer: &mut impl Write, key: &[u8; 32], end: u64, index: &Index) -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        writer.write_all(bytes)
    };
    put(INDEX_MAGIC)?;
    put(key)?;
    put(&(index.ids.len() as u64).to_le_bytes())?;
    put(&end.to_le_bytes())?;
    let places = index.ends.iter().zip(&index.lengths);
    for ((id, pair), (end, length)) in index.ids.iter().zip(&index.pairs).zip(places) {
        put(&id.bytes())?;
        put(&pair.bytes())?;
        put(&end.to_le_bytes())?;
        put(&length.to_le_bytes())?;
    }
    writer.write_all(hasher.finalize().as_bytes())
}

/// Reads the index, and opens the token file after a look at its header and length.
///
/// # Errors
///
/// A file is missing or cannot be read, or is not whole, or belongs to another corpus.
pub(crate) fn open(paths: &Paths, info: &CorpusInfo) -> Result<(Index, fs_err::File)> {
    let key = corpus_key(info);
    let (index, n_words) = read_index(&paths.index, &key)?;
    let mut tokens = fs_err::File::open(&paths.tokens)?;
    let n_bytes = tokens.metadata()?.len();
    if n_words.checked_mul(4) != Some(n_bytes) {
        let what = format!("holds {n_bytes} bytes where its index says {n_words} words of 4");
        return Err(Error::file(&paths.tokens, what, AGAIN));
    }
    let mut head = [0; HEAD];
    tokens.read_exact(&mut head)?;
    if head != head_of(TOKENS_MAGIC, &key) {
        return Err(foreign(&paths.tokens));
    }
    Ok((index, tokens))
}

fn head_of(magic: &[u8; 16], key: &[u8; 32]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let (first, second) = head.split_at_mut(magic.len());
    first.copy_from_slice(magic);
    second.copy_from_slice(key);
    head
}

/// What to do about a damaged file.
pub(crate) const AGAIN: &str =
    "remove the directory `cache` of the run and go on: the rows are packed anew from the corpus";

fn foreign(path: &Path) -> Error {
    Error::file(path, "is not a file of this corpus", AGAIN)
}

fn torn(path: &Path) -> Error {
    Error::file(path, "is not what was written", AGAIN)
}

/// Returns the index, and the number of words that the token file must have.
fn read_index(path: &Path, key: &[u8; 32]) -> Result<(Index, u64)> {
    let file = fs_err::File::open(path)?;
    let n_bytes = file.metadata()?.len();
    // The length of the file bounds what is read, whatever its header says.
    let n_rows = n_bytes
        .checked_sub((HEAD + 16 + 32) as u64)
        .filter(|it| it % ENTRY as u64 == 0)
        .map(|it| it / ENTRY as u64)
        .ok_or_else(|| torn(path))?;
    let mut reader = io::BufReader::with_capacity(BUFFER, file);
    let mut hasher = blake3::Hasher::new();
    let head: [u8; HEAD] = take(&mut reader, &mut hasher)?;
    if head != head_of(INDEX_MAGIC, key) {
        return Err(foreign(path));
    }
    let told = u64::from_le_bytes(take(&mut reader, &mut hasher)?);
    let n_words = u64::from_le_bytes(take(&mut reader, &mut hasher)?);
    if told != n_rows {
        return Err(torn(path));
    }
    let mut index = Index::default();
    let mut start = HEADER_WORDS;
    for _ in 0..n_rows {
        index.ids.push(Digest::from_bytes(take(&mut reader, &mut hasher)?));
        index.pairs.push(Digest::from_bytes(take(&mut reader, &mut hasher)?));
        let end = u64::from_le_bytes(take(&mut reader, &mut hasher)?);
        let length = u32::from_le_bytes(take(&mut reader, &mut hasher)?);
        // A row is its ids, three words a span, and the check sum.
        let least = start.saturating_add(u64::from(length)).saturating_add(1);
        if end < least || n_words < end || (end - least) % 3 != 0 {
            return Err(torn(path));
        }
        index.ends.push(end);
        index.lengths.push(length);
        start = end;
    }
    let mut hash = [0; 32];
    reader.read_exact(&mut hash)?;
    if start != n_words || hash != *hasher.finalize().as_bytes() {
        return Err(torn(path));
    }
    Ok((index, n_words))
}

fn take<const N: usize>(
    reader: &mut impl Read,
    hasher: &mut blake3::Hasher,
) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    hasher.update(&bytes);
    Ok(bytes)
}

/// Returns the number of tokens of a row that fits the corpus: shards come from elsewhere, and are not trusted.
fn check(info: &CorpusInfo, row: &Row) -> Result<u32> {
    let refuse = |what: String| {
        let hint = "the shards do not belong to this manifest: see `crossic verify`";
        Err(Error::refused(format!("row {} {what}", row.id), hint))
    };
    let Ok(length) = u32::try_from(row.ids.len()) else {
        return refuse(format!("holds {} tokens, more than 32 bits can count", row.ids.len()));
    };
    let known = |id: u32| id < info.vocabulary || id == info.closing_id;
    if let Some(id) = row.ids.iter().find(|it| !known(**it)) {
        return refuse(format!("holds token {id}, but the tokenizer has {}", info.vocabulary));
    }
    if row.ids.last() != Some(&info.closing_id) {
        return refuse(format!("does not end in `{}`", info.closing));
    }
    if info.kind == RowKind::Segments && info.tokens < row.ids.len() {
        return refuse(format!("holds {length} tokens, but {} are the most", info.tokens));
    }
    let mut end = 0;
    for span in &row.spans {
        if span.start < end || span.end < span.start || length < span.end {
            return refuse(format!("has a span of tokens {}..{}", span.start, span.end));
        }
        if info.languages.len() <= usize::from(span.language) {
            return refuse(format!("has a span in language {}", span.language));
        }
        end = span.end;
    }
    Ok(length)
}

/// A file under an unfinished name; it vanishes unless it is published.
struct Aside {
    writer: BufWriter<fs_err::File>,
    path: PathBuf,
}

impl Aside {
    /// Starts a file beside its final name; one run at a time writes to a run directory.
    fn create(path: &Path) -> io::Result<Aside> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let path = PathBuf::from(name);
        let writer = BufWriter::with_capacity(BUFFER, fs_err::File::create(&path)?);
        Ok(Aside { writer, path })
    }

    /// Makes the file durable under its final name.
    fn publish(mut self, path: &Path) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs_err::rename(&self.path, path)?;
        sync_dir(path)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After a rename the name is gone already; what stays after a power cut is overwritten.
        fs_err::remove_file(&self.path).ok();
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Ok(()) => sync_dir(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) => fs_err::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
