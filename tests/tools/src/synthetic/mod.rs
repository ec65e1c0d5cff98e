//! Synthetic dumps of any size: a pair of wikis made of pseudo-words, in Wikimedia's formats.

pub mod article;
pub mod edition;
pub mod language;
pub mod make;
pub mod ordered;
pub mod page;
pub mod pairs;
pub mod plan;
