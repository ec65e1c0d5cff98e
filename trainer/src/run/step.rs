//! One step: learn from the windows in parts, add up gradients, clip, move the parameters.

use burn::tensor::Tensor;

use super::learner::{Batch, Learner, Place};
use crate::{
    data::window::Window,
    error::{Error, Result},
    optimizer::{
        adamw::{self, Moments, Rule},
        clip,
        parameter::Gradients,
    },
    settings::Settings,
};

/// What came out of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stepped {
    /// Mean loss of the learned tokens.
    pub loss: f64,
    /// Norm of all gradients together, before clipping.
    pub grad_norm: f64,
}

/// Takes step number `step`, from 1, at a learning rate. The device is read once.
///
/// # Errors
///
/// The model fails, or loss or gradient are not finite: then the parameters are as they were, and the error names the
/// rows of the windows that give no finite loss, or of all windows.
pub fn step(
    learner: &mut impl Learner,
    moments: &mut [Moments],
    batch: &Batch,
    step: u64,
    learning_rate: f64,
    settings: &Settings,
) -> Result<Stepped> {
    let n_learned = batch.windows.iter().map(Window::n_learned).sum::<usize>().max(1);
    let mut gradients: Gradients = vec![None; learner.parameters().len()];
    let mut losses = Vec::new();
    for (part, windows) in batch.windows.chunks(settings.micro_windows.max(1)).enumerate() {
        let place = Place { seed: settings.seed, step, part: part as u32 };
        losses.push(learner.learn(windows, place, n_learned, &mut gradients)?);
    }
    let n_parts = losses.len();
    let mut numbers = losses;
    numbers.extend(clip::squares(&gradients));
    let numbers = clip::read(numbers)?;
    let (losses, squares) = numbers.split_at_checked(n_parts).unwrap_or_default();
    let loss = losses.iter().map(|it| f64::from(*it)).sum::<f64>() / n_learned as f64;
    let grad_norm = clip::norm(squares);
    if let Some(what) = not_finite(learner, loss, squares, &gradients) {
        return Err(Error::NonFinite { what, step, rows: suspects(learner, &batch.windows) });
    }
    adamw::step(
        &Rule::of(settings),
        step,
        learning_rate,
        clip::scale(grad_norm, settings.clip),
        learner.parameters_mut(),
        moments,
        &mut gradients,
    );
    learner.moved();
    Ok(Stepped { loss, grad_norm })
}

/// Names what is not finite, if anything is not.
fn not_finite(
    learner: &impl Learner,
    loss: f64,
    squares: &[f32],
    gradients: &[Option<Tensor<1>>],
) -> Option<String> {
    if !loss.is_finite() {
        return Some("the loss".to_owned());
    }
    let parameters = learner.parameters().iter().zip(gradients).filter(|it| it.1.is_some());
    let found = parameters.zip(squares).find(|it| !it.1.is_finite());
    found.map(|((parameter, _), _)| format!("the gradient of `{}`", parameter.name))
}

/// Returns the rows of the windows that give no finite loss by themselves, or those of all.
fn suspects(learner: &impl Learner, windows: &[Window]) -> Vec<String> {
    let is_bad = |window: &&Window| {
        let losses = learner.token_losses(std::slice::from_ref(*window));
        // An error here must not hide the one that we are about to report.
        losses.is_ok_and(|it| it.iter().flatten().any(|it| !it.is_finite()))
    };
    let bad: Vec<&Window> = windows.iter().filter(is_bad).collect();
    let named = if bad.is_empty() { windows.iter().collect() } else { bad };
    named.iter().flat_map(|it| &it.rows).map(ToString::to_string).collect()
}
