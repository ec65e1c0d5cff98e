//! AdamW with decoupled weight decay, in the order of operations of torch's.
//!
//! The state is two vectors a parameter and the number of steps taken; on every device each operation works on one
//! element by itself, so the result does not depend on the number of threads.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::parameter::Parameter;
use crate::{host, settings::Settings};

/// The numbers that all parameters share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Term against division by zero.
    pub epsilon: f64,
    /// Decoupled weight decay, of parameters that decay.
    pub weight_decay: f64,
}

impl Rule {
    /// Returns the rule of some settings.
    pub fn of(settings: &Settings) -> Rule {
        Rule {
            beta1: settings.beta1,
            beta2: settings.beta2,
            epsilon: settings.epsilon,
            weight_decay: settings.weight_decay,
        }
    }
}

/// What AdamW remembers of a parameter: running means of the gradient and of its square, as long as the parameter.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean of the gradient.
    pub first: Tensor<1>,
    /// Mean of its square.
    pub second: Tensor<1>,
}

impl Moments {
    /// Returns those of a parameter that has not been trained: zeros.
    pub fn new(parameter: &Parameter) -> Moments {
        let first = parameter.value.zeros_like();
        Moments { first: first.clone(), second: first }
    }
}

/// Takes a step: `step` counts from 1, `scale` multiplies every gradient first. A parameter without a gradient stays
/// as it is.
pub fn step(
    rule: &Rule,
    step: u64,
    learning_rate: f64,
    scale: f64,
    parameters: &mut [Parameter],
    moments: &mut [Moments],
    gradients: &mut [Option<Tensor<1>>],
) {
    let correction1 = 1.0 - power(rule.beta1, step);
    let correction2 = 1.0 - power(rule.beta2, step);
    let step_size = learning_rate / correction1;
    for ((parameter, moments), gradient) in parameters.iter_mut().zip(moments).zip(gradients) {
        let Some(gradient) = gradient.take() else { continue };
        if host::holds(&parameter.value) {
            let pass = Pass { rule: *rule, learning_rate, scale, correction1, correction2 };
            pass.take(parameter, moments, gradient);
            continue;
        }
        let gradient = if scale == 1.0 { gradient } else { gradient.mul_scalar(scale) };
        if parameter.decay && rule.weight_decay != 0.0 {
            let kept = 1.0 - learning_rate * rule.weight_decay;
            parameter.value.inplace(|value| value.mul_scalar(kept));
        }
        moments.first.inplace(|first| {
            let towards = (gradient.clone() - first.clone()).mul_scalar(1.0 - rule.beta1);
            first + towards
        });
        moments.second.inplace(|second| {
            second.mul_scalar(rule.beta2) + gradient.square().mul_scalar(1.0 - rule.beta2)
        });
        let root = moments.second.clone().sqrt().div_scalar(correction2.sqrt());
        let change = moments.first.clone() / root.add_scalar(rule.epsilon);
        parameter.value.inplace(|value| value - change.mul_scalar(step_size));
    }
}

/// A step in one pass over memory: tensor operations would go over it a dozen times.
struct Pass {
    rule: Rule,
    learning_rate: f64,
    scale: f64,
    correction1: f64,
    correction2: f64,
}

/// Numbers that are worth a task of their own.
const TASK: usize = 1 << 14;

impl Pass {
    fn take(&self, parameter: &mut Parameter, moments: &mut Moments, gradient: Tensor<1>) {
        let n = parameter.value.dims()[0];
        let owned = |tensor: &mut Tensor<1>| host::numbers(tensor.extract());
        let (mut value, gradient) = (owned(&mut parameter.value), host::numbers(gradient));
        let (mut first, mut second) = (owned(&mut moments.first), owned(&mut moments.second));
        let decays = parameter.decay && self.rule.weight_decay != 0.0;
        let kept = if decays { 1.0 - self.learning_rate * self.rule.weight_decay } else { 1.0 };
        let moved = value.par_chunks_mut(TASK).zip(gradient.par_chunks(TASK));
        let remembered = first.par_chunks_mut(TASK).zip(second.par_chunks_mut(TASK));
        moved.zip(remembered).for_each(|((value, gradient), (first, second))| {
            pulp::Arch::new().dispatch(|| self.numbers(kept, value, gradient, first, second));
        });
        parameter.value = host::tensor(value, [n]);
        moments.first = host::tensor(first, [n]);
        moments.second = host::tensor(second, [n]);
    }

    #[inline(always)]
    fn numbers(
        &self,
        kept: f64,
        value: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) {
        let (towards, beta2) = ((1.0 - self.rule.beta1) as f32, self.rule.beta2 as f32);
        let (rest2, epsilon) = ((1.0 - self.rule.beta2) as f32, self.rule.epsilon as f32);
        let (kept, scale) = (kept as f32, self.scale as f32);
        let size = (self.learning_rate / self.correction1) as f32;
        let root2 = self.correction2.sqrt() as f32;
        let moved = value.iter_mut().zip(gradient);
        for ((value, gradient), (first, second)) in moved.zip(first.iter_mut().zip(second)) {
            let gradient = gradient * scale;
            *first += (gradient - *first) * towards;
            *second = *second * beta2 + gradient * gradient * rest2;
            let root = second.sqrt() / root2 + epsilon;
            *value = *value * kept - *first / root * size;
        }
    }
}

/// Returns `base` to the power of a number of steps.
fn power(base: f64, steps: u64) -> f64 {
    base.powf(steps as f64)
}

#[cfg(test)]
#[path = "adamw_tests.rs"]
mod tests;
