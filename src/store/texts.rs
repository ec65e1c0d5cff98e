//! The cleaned texts of a build: packs of the last build and of this one, looked up by digest.
//!
//! Packs are named by their content, so those that another process or a stopped build has left in
//! the directory serve as well as our own.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossic_operators::{context::Texts, record::Digest};
use rustc_hash::FxHashMap;

use super::{
    StoreError,
    pack::{PackName, Packs},
};
use crate::error::Error;

/// How often the directory is looked through for a text that should be there: a shared file system
/// may show a file of another host a little late.
const LOOKS: u32 = 20;

/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Texts of the packs of one corpus directory.
pub struct TextStore {
    dir: PathBuf,
    open: RwLock<Open>,
    failed: AtomicBool,
    failure: Mutex<Option<Error>>,
}

/// The packs that are open, and which of them holds a text.
#[derive(Default)]
struct Open {
    packs: Vec<(PackName, Packs)>,
    names: BTreeSet<PackName>,
    /// Names of files that are no whole packs.
    refused: BTreeSet<PackName>,
    holder: FxHashMap<Digest, u32>,
}

impl Open {
    fn add(&mut self, name: PackName, pack: Packs) {
        let number = self.packs.len() as u32;
        for digest in pack.digests() {
            self.holder.entry(digest).or_insert(number);
        }
        self.packs.push((name.clone(), pack));
        self.names.insert(name);
    }

    fn pack(&self, digest: Digest) -> Option<&Packs> {
        self.packs.get(*self.holder.get(&digest)? as usize).map(|(_, pack)| pack)
    }
}

impl TextStore {
    /// Returns the store over the packs that lie in a corpus directory.
    ///
    /// # Errors
    ///
    /// One of the packs of `needed` is missing or damaged; others are passed over.
    pub fn open(dir: &Path, needed: &[String]) -> Result<TextStore, StoreError> {
        let store = TextStore {
            dir: dir.to_owned(),
            open: RwLock::default(),
            failed: AtomicBool::new(false),
            failure: Mutex::default(),
        };
        for name in needed.iter().filter_map(|name| PackName::parse(name)) {
            store.add(name)?;
        }
        store.look()?;
        Ok(store)
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
        let pack = Packs::open(&self.packs_dir(), std::slice::from_ref(&name))?;
        if let Ok(mut open) = self.open.write()
            && !open.names.contains(&name)
        {
            open.add(name, pack);
        }
        Ok(())
    }

    /// Opens the packs that have come into the directory.
    fn look(&self) -> Result<(), StoreError> {
        let dir = self.packs_dir();
        if !dir.is_dir() {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        for entry in fs_err::read_dir(&dir)? {
            names.extend(PackName::parse(&entry?.file_name().to_string_lossy()));
        }
        if let Ok(mut open) = self.open.write() {
            for name in names {
                if open.names.contains(&name) || open.refused.contains(&name) {
                    continue;
                }
                // Nobody has promised these; what they hold is extracted again.
                match Packs::open(&dir, std::slice::from_ref(&name)) {
                    Ok(pack) => open.add(name, pack),
                    Err(_) => drop(open.refused.insert(name)),
                }
            }
        }
        Ok(())
    }

    /// Returns whether a pack holds a text.
    pub fn contains(&self, digest: Digest) -> bool {
        self.open.read().is_ok_and(|open| open.holder.contains_key(&digest))
    }

    /// Returns the names of the packs that hold one of these texts, sorted, and of each how many
    /// of its texts are among them and how many there are.
    pub fn packs_of(
        &self,
        digests: impl IntoIterator<Item = Digest>,
    ) -> Result<Vec<(PackName, u64, u64)>, StoreError> {
        self.look()?;
        let mut held: Vec<u64> = Vec::new();
        let Ok(open) = self.open.read() else { return Ok(Vec::new()) };
        held.resize(open.packs.len(), 0);
        for digest in digests {
            let number = open.holder.get(&digest).copied();
            let slot = number.and_then(|number| held.get_mut(number as usize));
            let missing = || StoreError::Missing { dir: self.packs_dir(), digest };
            *slot.ok_or_else(missing)? += 1;
        }
        let mut packs: Vec<(PackName, u64, u64)> = open
            .packs
            .iter()
            .zip(held)
            .filter(|(_, n)| *n != 0)
            .map(|((name, pack), n)| (name.clone(), n, pack.n_texts() as u64))
            .collect();
        packs.sort();
        Ok(packs)
    }

    /// Returns the digests of a pack.
    pub fn digests(&self, name: &PackName) -> Result<Vec<Digest>, StoreError> {
        let pack = Packs::open(&self.packs_dir(), std::slice::from_ref(name))?;
        Ok(pack.digests().collect())
    }

    /// Takes out the error of a text that could not be read.
    pub fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns whether a text could not be read, which ends the run.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Replaces `buffer` by a text.
    ///
    /// # Errors
    ///
    /// The pack is damaged, or no pack holds the text.
    pub fn get(&self, digest: Digest, buffer: &mut String) -> Result<(), StoreError> {
        for look in 0..=LOOKS {
            if let Ok(open) = self.open.read()
                && let Some(pack) = open.pack(digest)
            {
                pack.get(digest, buffer)?;
                return Ok(());
            }
            if look != 0 {
                std::thread::sleep(PAUSE);
            }
            self.look()?;
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
                let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error.into());
                self.failed.store(true, Ordering::Release);
                false
            }
        }
    }
}
