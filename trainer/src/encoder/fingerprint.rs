//! What an encoder's vectors depend on, as one hash: the key under which they are kept.

use std::path::Path;

use blake3::{Hash, Hasher};

use super::{Settings, load, sentence, tokens};
use crate::{
    error::Result,
    weights::{config::CONFIG, files::INDEX},
};

/// Changes when the same files give other vectors.
const VERSION: &str = "crossic encoder 1";

/// Returns the hash of everything that decides what the vectors are: the files of the directory that are read, and the
/// settings that change results. The device and the budget of a batch are not among them.
///
/// # Errors
///
/// A file cannot be read, or the weights are none.
pub fn fingerprint(dir: &Path, settings: &Settings) -> Result<Hash> {
    let mut all = Hasher::new();
    all.update(VERSION.as_bytes());
    let small = [
        CONFIG,
        tokens::FILE,
        sentence::POOLING,
        sentence::LENGTH,
        sentence::MODULES,
        sentence::TOKENIZER,
        INDEX,
    ];
    for name in small {
        let path = dir.join(name);
        // A file that is missing counts as something else than an empty one.
        let hash = match fs_err::exists(&path)? {
            true => hash_of(&path)?.as_bytes().to_vec(),
            false => Vec::new(),
        };
        all.update(&[hash.len() as u8]).update(&hash);
    }
    for path in load::open(dir)?.paths() {
        all.update(hash_of(path)?.as_bytes());
    }
    let precision = settings.precision.map(|it| format!("{it:?}"));
    let settings = format!("{:?} {:?} {precision:?}", settings.max_tokens, settings.dimensions);
    all.update(settings.as_bytes());
    Ok(all.finalize())
}

fn hash_of(path: &Path) -> Result<Hash> {
    let mut hasher = Hasher::new();
    hasher.update_reader(fs_err::File::open(path)?)?;
    Ok(hasher.finalize())
}
