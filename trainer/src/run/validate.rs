//! Loss and perplexity over the held-back windows, of all tokens and by language.

use std::collections::BTreeMap;

use super::learner::Learner;
use crate::{
    data::window::{NO_LANGUAGE, Window},
    error::{Error, Result},
};

/// The code of English.
const ENGLISH: &str = "en";

/// A sum of losses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// Sum of the losses, in nats.
    pub sum: f64,
    /// Tokens.
    pub n_tokens: u64,
}

impl Mean {
    /// Returns the mean loss, `None` of no tokens.
    pub fn loss(self) -> Option<f64> {
        (self.n_tokens != 0).then(|| self.sum / self.n_tokens as f64)
    }

    /// Returns its exponential, never infinite.
    pub fn perplexity(self) -> Option<f64> {
        self.loss().map(|it| it.exp().min(f64::MAX))
    }

    fn add(&mut self, loss: f64) {
        self.sum += loss;
        self.n_tokens += 1;
    }

    fn with(self, other: Mean) -> Mean {
        Mean { sum: self.sum + other.sum, n_tokens: self.n_tokens + other.n_tokens }
    }
}

/// What came out of a validation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Validation {
    /// All learned tokens, closing ones included.
    pub all: Mean,
    /// Tokens by language code; languages of which there are any.
    pub languages: BTreeMap<String, Mean>,
    /// Tokens of English.
    pub english: Mean,
    /// Tokens of all other languages.
    pub target: Mean,
}

/// Looks at windows, `n_together` at once.
///
/// # Errors
///
/// The model fails, or a loss is not finite.
pub fn validate(
    learner: &dyn Learner,
    windows: &[Window],
    n_together: usize,
    languages: &[String],
    step: u64,
) -> Result<Validation> {
    let mut all = Mean::default();
    let mut by_number = vec![Mean::default(); languages.len()];
    for together in windows.chunks(n_together.max(1)) {
        let losses = learner.token_losses(together)?;
        for (window, losses) in together.iter().zip(&losses) {
            let tokens = window.learned.iter().zip(&window.languages).zip(losses);
            for ((_, language), loss) in tokens.filter(|((learned, _), _)| **learned) {
                if !loss.is_finite() {
                    let rows = window.rows.iter().map(ToString::to_string).collect();
                    let what = "the validation loss".to_owned();
                    return Err(Error::NonFinite { what, step, rows });
                }
                let loss = f64::from(*loss);
                all.add(loss);
                if *language != NO_LANGUAGE
                    && let Some(mean) = by_number.get_mut(usize::from(*language))
                {
                    mean.add(loss);
                }
            }
        }
    }
    let mut validation = Validation { all, ..Validation::default() };
    for (language, mean) in languages.iter().zip(by_number).filter(|it| it.1.n_tokens != 0) {
        validation.languages.insert(language.clone(), mean);
        let part =
            if language == ENGLISH { &mut validation.english } else { &mut validation.target };
        *part = part.with(mean);
    }
    Ok(validation)
}
