//! Web text for articles: documents in English that say something about an article.
//!
//! So far it is the search alone.

pub mod index;
