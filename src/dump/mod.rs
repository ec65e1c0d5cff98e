//! Readers for the files of a Wikipedia dump: finding them, decompression, SQL tables, pages XML and its index; and for web documents.

mod bzip2_blocks;
mod bzip2_chain;
mod bzip2_threads;
pub mod documents;
pub mod entities;
pub mod error;
pub mod find;
pub(crate) mod find_names;
mod format;
mod gzip;
pub mod index;
pub mod index_announced;
pub mod index_error;
pub mod index_lines;
mod input;
pub mod parquet;
mod parquet_pages;
pub mod siteinfo;
pub mod sql;
mod sql_lexer;
mod sql_scan;
mod sql_schema;
mod sql_value;
pub mod streams;
mod tags;
mod window;
pub mod xml;
