//! What a run did, as counts: for the terminal and for tests, never for a corpus.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

macro_rules! work {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts of work done and of work saved.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Work { $($(#[$doc])* pub $name: u64),* }

        impl AddAssign for Work {
            fn add_assign(&mut self, other: Work) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

work! {
    /// Pages of article files that were decompressed, wanted or not.
    pages_read,
    /// Pages cut off at the end of a file.
    pages_truncated,
    /// Damaged places of article files that were passed over.
    places_damaged,
    /// Compressed bytes that gave no text because of them.
    bytes_damaged,
    /// Pages that lack an id or a title.
    pages_malformed,
    /// Pages with bytes that are not UTF-8.
    pages_not_utf8,
    /// Wanted pages that were cleaned.
    pages_cleaned,
    /// Wanted pages taken from the last build.
    pages_kept,
    /// Compressed streams that were read.
    streams_read,
    /// Compressed streams without a wanted page.
    streams_unwanted,
    /// Compressed streams that are those of the last build.
    streams_same,
    /// Bytes of article files that were read and decompressed, compressed.
    bytes_read,
    /// Bytes of article files that were passed over.
    bytes_skipped,
    /// Cleaned texts written into packs.
    texts_packed,
    /// Cleaned texts that a pack held already.
    texts_known,
    /// Questions about texts that an operator answered by reading them.
    answers_found,
    /// Questions about texts whose answer was known.
    answers_recalled,
    /// Documents whose vectors were made.
    documents_encoded,
    /// Documents whose vectors were taken from the last build.
    documents_kept,
    /// Questions that were put to a file of documents.
    questions_searched,
    /// Questions whose answer from a file of documents was known.
    questions_recalled,
    /// Pairs that were tokenised and split.
    pairs_split,
    /// Pairs whose rows were copied from the last build.
    pairs_copied,
    /// Of these, pairs that were given another revision.
    pairs_restamped,
    /// Pairs in shards that were kept as they are.
    pairs_kept,
    /// Shards that were written.
    shards_written,
    /// Shards that were kept as they are.
    shards_kept,
}
