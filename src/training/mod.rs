//! From a corpus directory to what the trainer takes: what the corpus is, its rows, those that came
//! since an earlier corpus, and what a base model is made of.

pub mod corpus;
pub mod estimate;
pub mod model;
pub mod rows;
pub mod since;
