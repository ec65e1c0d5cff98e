//! Folds exact duplicates: of several documents with the same text, the one with the smallest id stays.

use crossic_operators::record::Digest;
use rustc_hash::FxHashMap;

use super::document::WebDocument;

/// Which document of each text has the smallest id; 32 bytes a text, and the same for every order of reading.
#[derive(Clone, Debug, Default)]
pub struct Duplicates {
    /// Nothing iterates over it, so its order reaches nothing.
    smallest: FxHashMap<Digest, Digest>,
}

impl Duplicates {
    /// Takes note of a document.
    pub fn see(&mut self, document: &WebDocument) {
        self.note(document.digest, document.id);
    }

    /// Takes note of all that another one has seen.
    pub fn merge(&mut self, other: Duplicates) {
        for (text, id) in other.smallest {
            self.note(text, id);
        }
    }

    /// Returns the id of the document that stays for a text, or `None` if no document of it was seen.
    pub fn original(&self, text: Digest) -> Option<Digest> {
        self.smallest.get(&text).copied()
    }

    /// Returns whether a document stays; once all are seen, exactly one of each text does, even if a file is read twice.
    pub fn take(&mut self, document: &WebDocument) -> bool {
        if self.original(document.digest) != Some(document.id) {
            return false;
        }
        self.smallest.remove(&document.digest);
        true
    }

    fn note(&mut self, text: Digest, id: Digest) {
        let smallest = self.smallest.entry(text).or_insert(id);
        *smallest = id.min(*smallest);
    }
}
