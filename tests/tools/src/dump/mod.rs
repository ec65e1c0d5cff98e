//! Writes dumps in Wikimedia's formats: SQL tables, XML export 0.11, multistream bzip2 with its
//! index.

pub mod batch;
pub mod files;
pub mod page;
pub mod redirect;
pub mod sha1;
pub mod site;
pub mod sql;
pub mod tables;
pub mod xml;
