//! Web documents for articles (paper, §3.4), as pure functions: what to ask, how texts become
//! vectors, and how two questions become one search.
//!
//! Everything is computed in integers, so that scores are the same on every machine.

pub mod encoder;
pub mod keywords;
pub mod query;
pub mod search;
