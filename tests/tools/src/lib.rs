//! Makes the test inputs of crossic: packs the sample wikis into dumps and the sample documents into
//! parquet files, writes synthetic dumps of any size, trains the small tokenizer of the samples, and
//! measures what the cleaner leaves of real dumps.

pub mod documents;
pub mod dump;
pub mod error;
pub mod random;
pub mod residue;
pub mod samples;
pub mod synthetic;
pub mod tokenizer;
