//! The learning rate of a step: a pure function, so that nothing of it needs saving.

use std::f64::consts::PI;

use crate::settings::{Schedule, Settings};

/// Returns the number of steps in which the learning rate rises, as Hugging Face's trainer rounds it.
pub fn warmup_steps(n_steps: u64, settings: &Settings) -> u64 {
    (n_steps as f64 * settings.warmup_ratio).ceil() as u64
}

/// Returns the learning rate of a step, counted from 0, of a run of `n_steps`. The first step has the rate 0 if
/// there is any warm-up: these are transformers' schedules, not rounded versions of them.
pub fn learning_rate(step: u64, n_steps: u64, settings: &Settings) -> f64 {
    settings.learning_rate
        * factor(step, n_steps, warmup_steps(n_steps, settings), settings.schedule)
}

/// Returns the share of the highest learning rate.
fn factor(step: u64, n_steps: u64, n_warmup: u64, schedule: Schedule) -> f64 {
    if step < n_warmup {
        return step as f64 / n_warmup as f64;
    }
    let n_falling = n_steps.saturating_sub(n_warmup).max(1) as f64;
    match schedule {
        Schedule::Cosine => {
            let progress = (step - n_warmup) as f64 / n_falling;
            (0.5 * (1.0 + (PI * progress).cos())).max(0.0)
        }
        Schedule::Linear => n_steps.saturating_sub(step) as f64 / n_falling,
        Schedule::Constant => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(schedule: Schedule, warmup_ratio: f64) -> Settings {
        Settings { schedule, warmup_ratio, learning_rate: 1.0, ..Settings::default() }
    }

    /// Factors written by transformers 5.23.0 (`tests/golden/make_parity.py`).
    #[derive(serde::Deserialize)]
    struct Golden {
        warm_up: u64,
        steps: u64,
        cosine: Vec<f64>,
        linear: Vec<f64>,
        constant: Vec<f64>,
    }

    #[test]
    fn the_schedules_are_those_of_transformers() {
        let text = include_str!("../../tests/golden/schedules.json");
        let mut file: serde_json::Value = serde_json::from_str(text).unwrap();
        let golden: Vec<Golden> = serde_json::from_value(file["schedules"].take()).unwrap();
        assert!(golden.len() >= 3);
        for it in golden {
            for (schedule, expected) in [
                (Schedule::Cosine, &it.cosine),
                (Schedule::Linear, &it.linear),
                (Schedule::Constant, &it.constant),
            ] {
                assert_eq!(expected.len() as u64, it.steps);
                for (step, expected) in expected.iter().enumerate() {
                    let found = factor(step as u64, it.steps, it.warm_up, schedule);
                    let difference = (found - expected).abs();
                    assert!(difference < 1e-15, "{schedule:?} step {step}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn warmup_rounds_up() {
        let check = |n_steps, ratio, expected| {
            assert_eq!(warmup_steps(n_steps, &settings(Schedule::Cosine, ratio)), expected);
        };
        check(10, 0.0, 0);
        check(10, 0.05, 1);
        check(100, 0.05, 5);
        // 100 · 0.07 is a little more than 7 in binary, and transformers keeps it so.
        check(100, 0.07, 8);
        check(1, 1.0, 1);
    }

    #[test]
    fn a_run_without_warmup_starts_at_the_highest_rate() {
        for schedule in [Schedule::Cosine, Schedule::Linear, Schedule::Constant] {
            assert_eq!(learning_rate(0, 7, &settings(schedule, 0.0)), 1.0);
        }
    }

    #[test]
    fn rates_stay_between_0_and_the_highest_whatever_the_run() {
        for schedule in [Schedule::Cosine, Schedule::Linear, Schedule::Constant] {
            for n_steps in 0..20 {
                for ratio in [0.0, 0.05, 0.5, 1.0] {
                    for step in 0..25 {
                        let rate = learning_rate(step, n_steps, &settings(schedule, ratio));
                        assert!(
                            (0.0..=1.0).contains(&rate),
                            "{schedule:?} {n_steps} {ratio} {step}"
                        );
                    }
                }
            }
        }
    }
}
