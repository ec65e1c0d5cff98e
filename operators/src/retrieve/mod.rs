//! Web documents for articles (paper, §3.4): what to ask, how texts become vectors, how two
//! questions become one search, and where the nearest vectors are found.
//!
//! Everything is computed in integers, so that scores are the same on every machine.

pub mod encoder;
pub mod index;
pub mod keywords;
pub mod query;
pub mod search;
pub mod vector;
