//! What training leaves behind: an adapter that PEFT loads, or a whole model that transformers loads.

pub mod card;
pub mod merge;
pub mod peft;
pub mod tokenizer;
