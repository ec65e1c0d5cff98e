//! A training run: steps, validations, checkpoints, records.
//!
//! [`train::train`] is the loop; it knows the model and the loader only as [`learner::Learner`] and
//! [`learner::Batches`]. What it writes lies in the run directory, and everything but `checkpoints/` and
//! `metrics.jsonl` can be made from these two.

pub mod checkpoint;
pub mod curve;
pub mod directory;
pub(crate) mod durable;
pub mod events;
pub mod learner;
pub mod metrics;
pub mod progress;
pub mod report;
pub mod same;
pub mod step;
pub mod stop;
mod tensors;
pub mod train;
pub mod trainer_state;
pub mod validate;
pub mod watch;

#[cfg(test)]
mod toy;
