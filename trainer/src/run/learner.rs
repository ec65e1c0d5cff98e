//! What the loop asks of the model and of the loader.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::{
    data::window::Window,
    error::Result,
    optimizer::parameter::{Gradients, Parameter},
};

/// Something that learns from windows. Nothing but the parameters may change from step to step, and nothing random
/// may depend on anything but the [`Place`]: exact resume rests on it.
pub trait Learner {
    /// Returns what is trained.
    fn parameters(&self) -> &[Parameter];

    /// Returns what is trained, to be changed.
    fn parameters_mut(&mut self) -> &mut [Parameter];

    /// Hears that parameters have been changed.
    fn moved(&mut self) {}

    /// Adds the gradient of `sum of token losses / n_learned` to `gradients`, and returns that sum, undivided, as
    /// `[1]` on the device. `n_learned` counts the learned tokens of the whole step.
    ///
    /// # Errors
    ///
    /// The windows do not fit the model, or the device fails.
    fn learn(
        &self,
        windows: &[Window],
        place: Place,
        n_learned: usize,
        gradients: &mut Gradients,
    ) -> Result<Tensor<1>>;

    /// Returns the loss of every token of every window without dropout, 0 where it is not learned.
    ///
    /// # Errors
    ///
    /// The windows do not fit the model, or the device fails.
    fn token_losses(&self, windows: &[Window]) -> Result<Vec<Vec<f32>>>;

    /// Returns the operations that a token costs in training, for windows of `n_tokens`; see
    /// [`super::progress::Shape`]. 0 if it is not known.
    fn flops_per_token(&self, n_tokens: f64) -> f64;

    /// Returns the bytes in use on the device, `None` where that is the memory of this process.
    fn memory(&self) -> Option<u64>;
}

/// Where in a run something random happens; two equal places draw the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Seed of the run.
    pub seed: u64,
    /// Step, from 1.
    pub step: u64,
    /// Part of the step, from 0.
    pub part: u32,
}

/// A place in the order of all windows of all epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Passes that are over.
    pub epoch: u32,
    /// What of this pass is done, in steps or whatever else the loader counts.
    pub done: u64,
}

/// The windows of a step.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The windows, at least one.
    pub windows: Vec<Window>,
    /// The place after them.
    pub cursor: Cursor,
    /// Passes over the corpus that are done after them, with the share of the one under way.
    pub epoch: f64,
}

/// The windows of a run in their order, which depends on nothing but corpus and settings.
pub trait Batches {
    /// Returns the number of steps of the whole run, after `epochs` and `max-steps`.
    fn n_steps(&self) -> u64;

    /// Goes to a place; the next batch begins there.
    ///
    /// # Errors
    ///
    /// There is no such place.
    fn seek(&mut self, cursor: Cursor) -> Result<()>;

    /// Returns the next batch, `None` after the last epoch.
    ///
    /// # Errors
    ///
    /// The corpus cannot be read.
    fn next(&mut self) -> Result<Option<Batch>>;

    /// Returns the windows that are held back, in an order that never changes.
    ///
    /// # Errors
    ///
    /// The corpus cannot be read.
    fn validation(&mut self) -> Result<Vec<Window>>;
}
