//! The cleaned texts of a build: packs that grow while articles are read, looked up by digest.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, RwLock},
};

use crossic_operators::{context::Texts, record::Digest};

use super::{
    StoreError,
    pack::{PackName, Packs},
};
use crate::error::Error;

/// Texts of the packs of one corpus directory.
pub struct TextStore {
    dir: PathBuf,
    packs: RwLock<Vec<Packs>>,
    names: Mutex<Vec<PackName>>,
    failure: OnceLock<Error>,
}

impl TextStore {
    /// Returns an empty store over the packs of a corpus directory.
    pub fn new(dir: &Path) -> TextStore {
        TextStore {
            dir: dir.to_owned(),
            packs: RwLock::default(),
            names: Mutex::default(),
            failure: OnceLock::new(),
        }
    }

    /// Returns the corpus directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the directory of the packs.
    pub fn packs_dir(&self) -> PathBuf {
        self.dir.join("packs")
    }

    /// Returns the directory of the snapshots.
    pub fn snapshots_dir(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    /// Makes the texts of a sealed pack readable.
    pub fn add(&self, name: PackName) -> Result<(), StoreError> {
        let packs = Packs::open(&self.packs_dir(), std::slice::from_ref(&name))?;
        if let Ok(mut all) = self.packs.write() {
            all.push(packs);
        }
        if let Ok(mut names) = self.names.lock() {
            names.push(name);
        }
        Ok(())
    }

    /// Returns the names of all packs, sorted.
    pub fn names(&self) -> Vec<String> {
        let names = self.names.lock().map(|names| names.clone()).unwrap_or_default();
        let mut names: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns the error of a text that could not be read.
    pub fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Returns whether a text could not be read, which ends the run.
    pub fn failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Replaces `buffer` by a text.
    ///
    /// # Errors
    ///
    /// The pack is damaged, or no pack holds the text.
    pub fn get(&self, digest: Digest, buffer: &mut String) -> Result<(), StoreError> {
        if let Ok(all) = self.packs.read() {
            for packs in all.iter() {
                if packs.contains(digest) {
                    packs.get(digest, buffer)?;
                    return Ok(());
                }
            }
        }
        Err(StoreError::Missing { dir: self.packs_dir(), digest })
    }
}

impl Texts for TextStore {
    fn read(&self, digest: Digest, buffer: &mut String) -> bool {
        match self.get(digest, buffer) {
            Ok(()) => true,
            Err(error) => {
                // Only the first error counts.
                let _first = self.failure.set(error.into()).is_ok();
                false
            }
        }
    }
}
