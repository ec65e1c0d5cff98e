//! A learner and a loader for the tests of the loop: small, exact, and random where a real one is.

use burn::tensor::{Device, Tensor};
use crossic_operators::record::Digest;

use super::learner::{Batch, Batches, Cursor, Learner, Place};
use crate::{
    data::window::Window,
    error::{Error, Result},
    optimizer::parameter::{Gradients, Parameter},
};

/// The token at which the loss is not a number.
pub(super) const POISON: u32 = 666;

/// Windows of an epoch.
const N_WINDOWS: u64 = 14;

/// Windows of a step.
const N_TOGETHER: u64 = 4;

/// Pulls its parameters to the tokens it sees, with noise that depends on the place as dropout does.
pub(super) struct Toy {
    parameters: Vec<Parameter>,
    /// The step at which it fails, as a run that is killed.
    pub(super) fails_at: Option<u64>,
}

impl Toy {
    pub(super) fn new() -> Toy {
        let parameter = |name: &str, shape: &[usize], decay| {
            let n_values: usize = shape.iter().product();
            let values: Vec<f32> = (0..n_values).map(|it| (it as f32 * 0.7).sin()).collect();
            let value = Tensor::from_data(values.as_slice(), &Device::flex());
            Parameter { name: name.to_owned(), shape: shape.to_vec(), value, decay }
        };
        Toy {
            parameters: vec![parameter("b", &[2, 3], true), parameter("a", &[4], false)],
            fails_at: None,
        }
    }

    pub(super) fn numbers(&self) -> Vec<Vec<u32>> {
        let numbers = |it: &Parameter| it.value.try_to_vec_as::<f32>().unwrap();
        self.parameters
            .iter()
            .map(|it| numbers(it).iter().map(|it| it.to_bits()).collect())
            .collect()
    }

    /// Returns the difference between a parameter and what a token asks for.
    fn difference(&self, parameter: &Parameter, id: u32, noise: f32) -> Tensor<1> {
        let asked = if id == POISON { f32::NAN } else { id as f32 * 0.1 };
        parameter.value.clone().sub_scalar(asked + noise)
    }
}

impl Learner for Toy {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.parameters
    }

    fn learn(
        &self,
        windows: &[Window],
        place: Place,
        n_learned: usize,
        gradients: &mut Gradients,
    ) -> Result<Tensor<1>> {
        if self.fails_at == Some(place.step) {
            return Err(Error::refused("killed", ""));
        }
        let text = format!("{place:?}");
        let noise = Digest::of(text.as_bytes()).0[0] as f32 / u64::MAX as f32;
        let mut sum = Tensor::<1>::zeros([1], &Device::flex());
        for window in windows {
            for (id, _) in window.ids.iter().zip(&window.learned).filter(|it| *it.1) {
                for (parameter, gradient) in self.parameters.iter().zip(gradients.iter_mut()) {
                    let difference = self.difference(parameter, *id, noise);
                    sum = sum + difference.clone().square().sum().mul_scalar(0.5);
                    let part = difference.div_scalar(n_learned as f32);
                    *gradient = Some(match gradient.take() {
                        None => part,
                        Some(gradient) => gradient + part,
                    });
                }
            }
        }
        Ok(sum)
    }

    fn token_losses(&self, windows: &[Window]) -> Result<Vec<Vec<f32>>> {
        let loss = |id: u32| -> f32 {
            let losses =
                self.parameters.iter().map(|it| self.difference(it, id, 0.0).square().sum());
            losses.map(|it| it.into_scalar::<f32>()).sum::<f32>() * 0.5
        };
        let losses = |window: &Window| -> Vec<f32> {
            let tokens = window.ids.iter().zip(&window.learned);
            tokens.map(|(id, learned)| if *learned { loss(*id) } else { 0.0 }).collect()
        };
        Ok(windows.iter().map(losses).collect())
    }

    fn flops_per_token(&self, _n_tokens: f64) -> f64 {
        60.0
    }

    fn memory(&self) -> Option<u64> {
        None
    }
}

/// Returns a window of these tokens, the first of which is not learned; languages take turns.
pub(super) fn window(ids: &[u32]) -> Window {
    let n = ids.len();
    let text = format!("{ids:?}");
    Window {
        ids: ids.to_vec(),
        positions: (0..n as u32).collect(),
        segments: vec![0; n],
        learned: (0..n).map(|it| it != 0).collect(),
        languages: (0..n).map(|it| (it % 2) as u16).collect(),
        rows: vec![Digest::of(text.as_bytes())],
    }
}

/// Windows that depend on nothing but their place.
pub(super) struct Loader {
    at: Cursor,
    n_steps: u64,
    /// The place of a window with poison.
    pub(super) poison: Option<Cursor>,
    pub(super) has_validation: bool,
}

impl Loader {
    pub(super) fn new(n_steps: u64) -> Loader {
        Loader { at: Cursor::default(), n_steps, poison: None, has_validation: true }
    }

    fn window(&self, place: Cursor) -> Window {
        let text = format!("{place:?}");
        let mut ids = Digest::of(text.as_bytes()).bytes().map(|it| u32::from(it % 16) + 1);
        if self.poison == Some(place) {
            ids[2] = POISON;
        }
        let n = 4 + place.done as usize % 4;
        window(&ids[..n])
    }
}

impl Batches for Loader {
    fn n_steps(&self) -> u64 {
        self.n_steps
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        self.at = cursor;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        let mut windows = Vec::new();
        while (windows.len() as u64) < N_TOGETHER {
            windows.push(self.window(self.at));
            self.at.done += 1;
            if self.at.done == N_WINDOWS {
                self.at = Cursor { epoch: self.at.epoch + 1, done: 0 };
            }
        }
        let epoch = f64::from(self.at.epoch) + self.at.done as f64 / N_WINDOWS as f64;
        Ok(Some(Batch { windows, cursor: self.at, epoch }))
    }

    fn validation(&mut self) -> Result<Vec<Window>> {
        let windows = vec![window(&[1, 5, 9, 13]), window(&[2, 8]), window(&[3, 7, 7])];
        Ok(if self.has_validation { windows } else { Vec::new() })
    }
}
