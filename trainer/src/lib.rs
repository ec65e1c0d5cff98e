//! Continues the pre-training of a language model on the rows of a corpus.
//!
//! Rows come in through [`data`], a Hugging Face directory through [`weights`]; [`model`] computes loss and gradients
//! block by block, and [`run`] steps, validates, saves and exports. [`encoder`] makes vectors of texts, for retrieval.

pub mod adapter;
pub mod data;
pub mod encoder;
pub mod error;
mod host;
pub mod memory;
pub mod model;
pub mod optimizer;
pub mod run;
pub mod session;
pub mod settings;
pub mod weights;
