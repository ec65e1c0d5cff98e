//! What the cleaner leaves of real dumps: residue and speed by wiki, and the templates it does not know.

pub mod measure;
pub mod pages;
pub mod report;
