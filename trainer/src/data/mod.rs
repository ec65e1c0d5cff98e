//! Rows of a corpus to windows of tokens, in an order that depends on nothing but corpus, seed, epoch and step.
//!
//! The way of a row: [`packed_rows`] (a flat file beside an index), [`split`] (held back, or learned), [`order`]
//! (shuffled), [`sampler`] (laid into windows by its length alone), [`batches`] (windows of an optimizer step),
//! [`assemble`] (tokens, read at last), [`loader`] (ahead of the trainer, on threads). [`prepare`] ties them together for a run.

pub mod assemble;
pub mod batches;
pub mod corpus;
pub mod cursor;
pub mod keyed;
pub mod loader;
pub mod memory_rows;
pub mod order;
pub mod packed_rows;
pub mod padding;
pub mod prepare;
mod row_file;
pub mod sampler;
pub mod since;
pub mod split;
pub mod subset;
pub mod validation;
pub mod window;

#[cfg(test)]
mod testing;
