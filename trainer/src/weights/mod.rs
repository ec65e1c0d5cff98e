//! Models on disk: the Hugging Face layout, read and written one tensor at a time.
//!
//! Files are read with positioned reads instead of a memory map, since a map needs `unsafe`.

pub mod config;
pub mod fields;
pub mod files;
pub mod header;
pub mod names;
pub mod random;
pub mod source;
pub mod tensor;
pub mod write;
