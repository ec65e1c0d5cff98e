//! Readers of web documents: parquet files in the schema of Fineweb-edu and JSON lines, one record for both.
//!
//! [`paths`] finds the files, [`file`] reads them, and [`screen`] decides which documents are of use.

pub mod document;
pub mod error;
pub mod file;
mod json_lines;
mod lines;
mod mirror;
pub mod paragraphs;
mod parquet;
pub mod paths;
pub mod screen;
