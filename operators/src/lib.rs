//! The dataflow operators of crossic: records in, records out, no files.
//!
//! Differential collections carry ids and digests; cleaned text lies beside the dataflow and is
//! read by digest. An operator never fails: what it cannot use becomes a reject with a reason.

mod article;
pub mod context;
pub mod filter_pairs;
pub mod flow;
pub mod join_langlinks;
pub mod memo;
pub mod operator;
pub mod record;
pub mod reject;
mod resolve_titles;
pub mod retrieve;
pub mod segment;
pub mod shuffle_pairs;
pub mod split_windows;
pub mod text;
pub mod vocabulary;
pub mod wikitext;
