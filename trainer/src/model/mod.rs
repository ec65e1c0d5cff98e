//! The model on a device: loss, gradients and logits of windows, block by block.

mod block;
mod build;
pub mod engine;
pub mod generate;
mod ops;
#[cfg(test)]
mod tests;

pub use ops::dropout::Key;
