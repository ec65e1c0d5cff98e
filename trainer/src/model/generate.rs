//! What a model says: one token after the other, with the keys and values of earlier tokens kept.

use burn::tensor::{DType, Tensor};

use super::{block::MicroBatch, engine::Engine};
use crate::data::window::{NO_LANGUAGE, Window};

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Tokens at most.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token; 1 draws from what the model says.
    pub temperature: f64,
    /// Share of the probability that is drawn from, the likeliest tokens first.
    pub top_p: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// Says what follows `prompt`, which is not empty; `heard` gets each token and answers whether to go on.
pub fn generate(
    engine: &Engine,
    prompt: &[u32],
    choice: Choice,
    stop_at: &[u32],
    heard: &mut dyn FnMut(u32) -> bool,
) {
    let mut said = Said { engine, caches: Vec::new(), n_tokens: 0 };
    let mut logits = said.hear(prompt);
    for number in 0..choice.max_tokens {
        let Some(token) = choose(&logits, choice, number as u64) else { return };
        if stop_at.contains(&token) || !heard(token) {
            return;
        }
        if number + 1 < choice.max_tokens {
            logits = said.hear(&[token]);
        }
    }
}

/// A text so far.
struct Said<'a> {
    engine: &'a Engine,
    /// Keys and values of every block, shape `[1, kv heads, tokens, head width]`.
    caches: Vec<(Tensor<4>, Tensor<4>)>,
    n_tokens: usize,
}

impl Said<'_> {
    /// Adds tokens and returns the logits after the last.
    fn hear(&mut self, ids: &[u32]) -> Vec<f32> {
        let first = self.n_tokens;
        let positions: Vec<u32> = (first..first + ids.len()).map(|it| it as u32).collect();
        self.n_tokens += ids.len();
        let window = Window {
            ids: ids.to_vec(),
            segments: vec![0; ids.len()],
            learned: vec![false; ids.len()],
            languages: vec![NO_LANGUAGE; ids.len()],
            rows: Vec::new(),
            positions,
        };
        let engine = self.engine;
        let mut x = engine.embedded(&window);
        let batch = MicroBatch::after(&window, first, engine.config(), x.dtype(), &x.device());
        for (number, block) in engine.blocks().iter().enumerate() {
            let before = self.caches.get(number).cloned();
            let (y, cache) = block.extend(x, &batch, before);
            match self.caches.get_mut(number) {
                Some(slot) => *slot = cache,
                None => self.caches.push(cache),
            }
            x = y;
        }
        let last = x.narrow(0, ids.len() - 1, 1);
        engine.logits_of(last).cast(DType::F32).into_data().iter::<f32>().collect()
    }
}

/// Returns the next token; `None` if no logit is a number.
fn choose(logits: &[f32], choice: Choice, number: u64) -> Option<u32> {
    let mut ranked: Vec<(u32, f64)> = (0..)
        .zip(logits)
        .filter(|(_, logit)| logit.is_finite())
        .map(|(id, logit)| (id, f64::from(*logit)))
        .collect();
    ranked.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    let (first, highest) = *ranked.first()?;
    if choice.temperature <= 0.0 {
        return Some(first);
    }
    let weight = |logit: f64| ((logit - highest) / choice.temperature).exp();
    let total: f64 = ranked.iter().map(|(_, logit)| weight(*logit)).sum();
    let mut nucleus = Vec::new();
    let mut sum = 0.0;
    for (id, logit) in ranked {
        sum += weight(logit) / total;
        nucleus.push((id, sum));
        if choice.top_p <= sum {
            break;
        }
    }
    let hash = blake3::hash(format!("{} {number}", choice.seed).as_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    let draw = f64::from(u32::from_le_bytes([a, b, c, d])) / 4_294_967_296.0 * sum;
    nucleus.iter().find(|(_, upto)| draw < *upto).map_or(Some(first), |(id, _)| Some(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities_within_the_nucleus() {
        let logits: Vec<f32> = [0.5f32, 0.3, 0.15, 0.05].iter().map(|it| it.ln()).collect();
        let choice = Choice { max_tokens: 1, temperature: 1.0, top_p: 0.9, seed: 1 };
        let mut counts = [0; 4];
        for number in 0..20_000 {
            counts[choose(&logits, choice, number).unwrap() as usize] += 1;
        }
        let share = |id: usize| f64::from(counts[id]) / 20_000.0;
        assert_eq!(counts[3], 0);
        for (id, expected) in [(0, 0.5), (1, 0.3), (2, 0.15)] {
            assert!((share(id) - expected / 0.95).abs() < 0.01, "{counts:?}");
        }
    }

    #[test]
    fn without_temperature_the_likeliest_token_is_said() {
        let choice = Choice { max_tokens: 1, temperature: 0.0, top_p: 1.0, seed: 1 };
        assert_eq!(choose(&[0.1, f32::NAN, 3.0, 3.0], choice, 0), Some(2));
        assert_eq!(choose(&[f32::NAN], choice, 0), None);
    }
}
