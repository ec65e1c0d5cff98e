//! Text packs: many cleaned texts in one file named after its content, each found by its digest.
//!
//! A pack is a header, one zstd frame a text, an index sorted by digest, and a trailer that guards the index with a
//! hash. All numbers are little-endian. The bytes depend on the texts and their order alone.

use std::cell::RefCell;
use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::io::Write;
use std::path::Path;

use crossic_operators::record::Digest;
use fs_err::os::unix::fs::FileExt;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use zstd::bulk::{Compressor, Decompressor};

use crate::io::{Staged, hash_file};
use crate::store::StoreError;

/// How a pack starts: four letters and the version of the format.
const HEADER: [u8; 8] = *b"CXPK\x01\0\0\0";

/// How a pack ends.
const END: [u8; 8] = *b"CXPK-END";

/// Bytes of one entry of the index: digest, offset, compressed length, raw length.
const ENTRY: u64 = 16 + 8 + 4 + 4;

/// Bytes of the trailer: offset of the index, entries, hash of the index and of these two numbers, end mark.
const TRAILER: u64 = 8 + 8 + 16 + 8;

/// The level of compression; above it, time grows faster than texts shrink.
const LEVEL: i32 = 3;

/// Bits of [`Entry::place`] that hold the offset; those above hold the number of the pack.
const OFFSET_BITS: u32 = 48;

/// The name of a pack: the hash of its content and `.pack`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackName(String);

impl PackName {
    /// Returns the name, or `None` if `text` is not 64 lower-case hexadecimal digits and `.pack`.
    pub fn parse(text: &str) -> Option<PackName> {
        let hash = text.strip_suffix(".pack")?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hash.len() == 64 && hash.bytes().all(is_digit)).then(|| PackName(text.to_owned()))
    }

    /// Returns the name of the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PackName {
    type Error = String;

    fn try_from(text: String) -> Result<PackName, String> {
        PackName::parse(&text).ok_or_else(|| format!("`{text}` is not the name of a pack"))
    }
}

impl From<PackName> for String {
    fn from(name: PackName) -> String {
        name.0
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes one pack.
pub struct PackWriter {
    staged: Staged,
    compressor: Compressor<'static>,
    frame: Vec<u8>,
    index: FxHashMap<Digest, Frame>,
}

/// Where a frame lies in its pack, in bytes.
#[derive(Clone, Copy)]
struct Frame {
    offset: u64,
    compressed: u32,
    raw: u32,
}

impl PackWriter {
    /// Starts a pack in `dir`, which is created if it is missing.
    pub fn create(dir: &Path) -> Result<PackWriter, StoreError> {
        let mut staged = Staged::create(dir)?;
        staged.write_all(&HEADER)?;
        let compressor = Compressor::new(LEVEL)?;
        Ok(PackWriter { staged, compressor, frame: Vec::new(), index: FxHashMap::default() })
    }

    /// Adds a text under its digest, which must be `Digest::of` its bytes; one that is there already is passed over.
    pub fn put(&mut self, digest: Digest, text: &str) -> Result<(), StoreError> {
        debug_assert_eq!(digest, Digest::of(text.as_bytes()), "a text under a foreign digest");
        let Slot::Vacant(slot) = self.index.entry(digest) else {
            return Ok(());
        };
        let too_long =
            || StoreError::Text { digest: digest.to_string(), what: "longer than 4 GiB" };
        let raw = u32::try_from(text.len()).map_err(|_| too_long())?;
        self.frame.clear();
        self.frame.reserve(zstd::zstd_safe::compress_bound(text.len()));
        self.compressor.compress_to_buffer(text.as_bytes(), &mut self.frame)?;
        let compressed = u32::try_from(self.frame.len()).map_err(|_| too_long())?;
        let offset = self.staged.n_bytes();
        self.staged.write_all(&self.frame)?;
        slot.insert(Frame { offset, compressed, raw });
        Ok(())
    }

    /// Returns the number of texts in the pack.
    pub fn n_texts(&self) -> usize {
        self.index.len()
    }

    /// Returns the bytes of the pack so far, for a caller that wants packs of about one size.
    pub fn n_bytes(&self) -> u64 {
        self.staged.n_bytes()
    }

    /// Makes the pack durable and returns its name, or `None` if nothing was put into it.
    pub fn seal(mut self) -> Result<Option<PackName>, StoreError> {
        if self.index.is_empty() {
            return Ok(None);
        }
        let mut frames: Vec<(Digest, Frame)> = self.index.into_iter().collect();
        frames.sort_unstable_by_key(|&(digest, _)| digest);
        let index_offset = self.staged.n_bytes();
        let mut index = Vec::with_capacity(frames.len() * ENTRY as usize);
        for (digest, frame) in &frames {
            index.extend(digest.bytes());
            index.extend(frame.offset.to_le_bytes());
            index.extend(frame.compressed.to_le_bytes());
            index.extend(frame.raw.to_le_bytes());
        }
        let n_entries = frames.len() as u64;
        let guard = guard(&index, index_offset, n_entries);
        self.staged.write_all(&index)?;
        self.staged.write_all(&index_offset.to_le_bytes())?;
        self.staged.write_all(&n_entries.to_le_bytes())?;
        self.staged.write_all(&guard)?;
        self.staged.write_all(&END)?;
        let (_, hash) = self.staged.seal(|hash| format!("{hash}.pack"))?;
        Ok(Some(PackName(format!("{hash}.pack"))))
    }
}

/// Returns what guards an index: a hash of its bytes and of the two numbers that place it.
fn guard(index: &[u8], index_offset: u64, n_entries: u64) -> [u8; 16] {
    Digest::of_fields(&[index, &index_offset.to_le_bytes(), &n_entries.to_le_bytes()]).bytes()
}

/// A set of packs, open for reading from any number of threads.
///
/// Holds 32 bytes a text in memory and one open file a pack.
#[derive(Debug)]
pub struct Packs {
    files: Vec<fs_err::File>,
    /// Sorted by digest, each digest once.
    entries: Vec<Entry>,
}

/// Where a text lies.
#[derive(Clone, Copy, Debug)]
struct Entry {
    digest: Digest,
    /// Number of the pack and offset within it.
    place: u64,
    compressed: u32,
    raw: u32,
}

const _: () = assert!(size_of::<Entry>() == 32);

/// What a check of packs has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Texts that are what their digests say.
    pub n_texts: u64,
    /// Their bytes, uncompressed.
    pub n_bytes: u64,
}

thread_local! {
    /// The decompressor of this thread and room for one frame: to make them for each text costs more than the text.
    static SCRATCH: RefCell<Option<(Decompressor<'static>, Vec<u8>)>> = const { RefCell::new(None) };
}

impl Packs {
    /// Opens packs that lie in `dir` and loads their indexes. Fails if one is missing or damaged.
    pub fn open(dir: &Path, names: &[PackName]) -> Result<Packs, StoreError> {
        let mut packs = Packs { files: Vec::with_capacity(names.len()), entries: Vec::new() };
        for name in names {
            packs.load(&dir.join(name.as_str()))?;
        }
        // Two packs may hold one text; the first of them serves it. The sort is stable, so that is by order of names.
        packs.entries.sort_by_key(|entry| entry.digest);
        packs.entries.dedup_by_key(|entry| entry.digest);
        packs.entries.shrink_to_fit();
        Ok(packs)
    }

    /// Returns the number of texts.
    pub fn n_texts(&self) -> usize {
        self.entries.len()
    }

    /// Returns the digests of all texts, in order.
    pub fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.entries.iter().map(|entry| entry.digest)
    }

    /// Returns whether there is a text of this digest.
    pub fn contains(&self, digest: Digest) -> bool {
        self.find(digest).is_some()
    }

    /// Puts the text of this digest into `text`, replacing what it held; returns whether there is one.
    /// Fails if the text is not what its digest says.
    pub fn get(&self, digest: Digest, text: &mut String) -> Result<bool, StoreError> {
        text.clear();
        let Some(entry) = self.find(digest) else {
            return Ok(false);
        };
        let (file, offset) = self.place(entry)?;
        let mut bytes = std::mem::take(text).into_bytes();
        SCRATCH.with_borrow_mut(|scratch| {
            let (decompressor, frame) = match scratch {
                Some(scratch) => scratch,
                None => scratch.insert((Decompressor::new()?, Vec::new())),
            };
            frame.resize(entry.compressed as usize, 0);
            file.read_exact_at(frame, offset)?;
            bytes.reserve(entry.raw as usize);
            decompressor
                .decompress_to_buffer(frame, &mut bytes)
                .map_err(|_| StoreError::damaged(file.path(), unreadable(digest)))
        })?;
        if Digest::of(&bytes) != digest {
            return Err(StoreError::damaged(file.path(), unreadable(digest)));
        }
        *text = String::from_utf8(bytes)
            .map_err(|_| StoreError::damaged(file.path(), unreadable(digest)))?;
        Ok(true)
    }

    /// Reads everything: each pack must have the hash in its name, and each text its digest. Stops at the first fault.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        for file in &self.files {
            let path = file.path();
            let hash = hash_file(path)?;
            if path.file_name().is_none_or(|name| name != format!("{hash}.pack").as_str()) {
                return Err(StoreError::damaged(
                    path,
                    format!("its content has the hash `{hash}`"),
                ));
            }
        }
        let mut verified = Verified::default();
        let mut text = String::new();
        for entry in &self.entries {
            self.get(entry.digest, &mut text)?;
            verified.n_texts += 1;
            verified.n_bytes += text.len() as u64;
        }
        Ok(verified)
    }

    fn find(&self, digest: Digest) -> Option<&Entry> {
        let position = self.entries.binary_search_by_key(&digest, |entry| entry.digest).ok()?;
        self.entries.get(position)
    }

    fn place(&self, entry: &Entry) -> Result<(&fs_err::File, u64), StoreError> {
        let file = self.files.get((entry.place >> OFFSET_BITS) as usize);
        match file {
            Some(file) => Ok((file, entry.place & ((1 << OFFSET_BITS) - 1))),
            None => unreachable!("an entry is made with the number of an open file"),
        }
    }

    fn load(&mut self, path: &Path) -> Result<(), StoreError> {
        let file = fs_err::File::open(path)?;
        let n_file_bytes = file.metadata()?.len();
        let pack = self.files.len() as u64;
        if (1 << (u64::BITS - OFFSET_BITS)) <= pack || (1 << OFFSET_BITS) <= n_file_bytes {
            return Err(StoreError::damaged(path, "it is one pack too many, or too large"));
        }
        let index = read_index(&file, n_file_bytes)?;
        self.entries.reserve(index.bytes.len() / ENTRY as usize);
        let mut rest = index.bytes.as_slice();
        while let Some((digest, offset, compressed, raw)) = next_entry(&mut rest) {
            let inside = HEADER.len() as u64 <= offset
                && offset.checked_add(u64::from(compressed)).is_some_and(|end| end <= index.offset);
            if !inside {
                return Err(StoreError::damaged(path, "its index points outside of it"));
            }
            self.entries.push(Entry {
                digest,
                place: (pack << OFFSET_BITS) | offset,
                compressed,
                raw,
            });
        }
        self.files.push(file);
        Ok(())
    }
}

/// The index of a pack, as bytes.
struct Index {
    offset: u64,
    bytes: Vec<u8>,
}

/// Reads the index of a pack and checks it against its guard.
fn read_index(file: &fs_err::File, n_file_bytes: u64) -> Result<Index, StoreError> {
    let damaged = |what: &str| StoreError::damaged(file.path(), what);
    let mut header = HEADER;
    if n_file_bytes < header.len() as u64 + TRAILER {
        return Err(damaged("it is too short"));
    }
    file.read_exact_at(&mut header, 0)?;
    if header != HEADER {
        return Err(damaged("it does not start like a pack of this version"));
    }
    let mut trailer = [0; TRAILER as usize];
    file.read_exact_at(&mut trailer, n_file_bytes - TRAILER)?;
    let mut rest = trailer.as_slice();
    let (Some(offset), Some(n_entries), Some(guarded), Some(end)) =
        (take(&mut rest), take(&mut rest), take(&mut rest), take::<8>(&mut rest))
    else {
        unreachable!("the trailer has room for its fields");
    };
    if end != END {
        return Err(damaged("it does not end like a pack"));
    }
    let (offset, n_entries) = (u64::from_le_bytes(offset), u64::from_le_bytes(n_entries));
    let end = n_entries.checked_mul(ENTRY).and_then(|n_bytes| n_bytes.checked_add(offset));
    if end != Some(n_file_bytes - TRAILER) {
        return Err(damaged("its index is not where its trailer says"));
    }
    let mut bytes = vec![0; (n_entries * ENTRY) as usize];
    file.read_exact_at(&mut bytes, offset)?;
    if guard(&bytes, offset, n_entries) != guarded {
        return Err(damaged("its index does not have the hash in its trailer"));
    }
    Ok(Index { offset, bytes })
}

/// Takes the next `N` bytes off the front.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (front, back) = rest.split_first_chunk::<N>()?;
    *rest = back;
    Some(*front)
}

fn next_entry(rest: &mut &[u8]) -> Option<(Digest, u64, u32, u32)> {
    Some((
        Digest::from_bytes(take(rest)?),
        u64::from_le_bytes(take(rest)?),
        u32::from_le_bytes(take(rest)?),
        u32::from_le_bytes(take(rest)?),
    ))
}

fn unreadable(digest: Digest) -> String {
    format!("the text `{digest}` cannot be read back")
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
