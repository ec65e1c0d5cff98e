//! The operations of a block, each with its backward pass written out; those of encoders alone have none.
//!
//! No graph is recorded: a forward function returns its result, a backward function takes what the forward one was
//! given (or the little it saved) and the gradient of the result. burn's autodiff is the oracle of their tests.
//! Shapes are written as `[rows, width]`; a row is one token of one window.

pub(crate) mod attention;
pub(super) mod cross_entropy;
pub(crate) mod dropout;
pub(crate) mod gelu;
mod host;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(super) mod rms_norm;
pub(crate) mod rotary;
pub(super) mod swiglu;
#[cfg(test)]
mod tests;

pub(crate) use host::turn::Layout;
