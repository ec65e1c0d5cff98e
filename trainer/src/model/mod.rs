//! The model on a device: loss, gradients and logits of windows, block by block.

mod block;
mod build;
pub mod compare;
pub mod engine;
pub mod generate;
pub(crate) mod ops;
pub mod stages;
#[cfg(test)]
mod tests;

pub use ops::dropout::Key;
