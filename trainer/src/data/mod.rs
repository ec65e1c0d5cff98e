//! Rows of a corpus to windows of tokens, in an order that depends on nothing but corpus, seed, epoch and step.

pub mod corpus;
pub mod window;
