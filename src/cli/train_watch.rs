//! The progress of a training: a line that moves on a terminal, plain lines now and then elsewhere.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crossic_trainer::run::{
    progress::Progress,
    validate::Validation,
    watch::{News, Watch},
};
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::numbers::{counted, thousands};

/// The longest time without a line where there is no terminal; the first and the last step always get one.
const PAUSE: Duration = Duration::from_secs(10);

/// Shows the progress on stderr.
pub(super) struct Shown {
    state: Mutex<State>,
}

/// How the progress is shown.
enum State {
    Silent,
    Terminal(ProgressBar),
    Lines {
        /// When the last line about a step was written.
        last: Option<Instant>,
        /// What was being prepared when the last line was written.
        preparing: String,
    },
}

impl Shown {
    /// Shows progress, or nothing but notes.
    pub(super) fn new(shown: bool) -> Shown {
        let state = match (shown, std::io::stderr().is_terminal()) {
            (false, _) => State::Silent,
            (true, true) => {
                let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
                State::Terminal(bar.with_style(style("  {msg}")))
            }
            (true, false) => State::Lines { last: None, preparing: String::new() },
        };
        Shown { state: Mutex::new(state) }
    }

    /// Clears the terminal.
    pub(super) fn finish(&self) {
        if let State::Terminal(bar) = &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Shown {
    fn hear(&self, news: &News<'_>) {
        match &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Silent => {
                if let News::Note(text) = news {
                    line(&format!("note: {text}"));
                }
            }
            State::Terminal(bar) => on_terminal(bar, news),
            State::Lines { last, preparing } => match news {
                News::Step(step) => {
                    let due = last.is_none_or(|it| PAUSE <= it.elapsed());
                    if due || step.step == step.n_steps {
                        *last = Some(Instant::now());
                        line(&words_of_step(step));
                    }
                }
                News::Preparing { what, .. } => {
                    if what != preparing {
                        *preparing = (*what).to_owned();
                        line(what);
                    }
                }
                other => {
                    if let Some(text) = words(other) {
                        line(&text);
                    }
                }
            },
        }
    }
}

fn on_terminal(bar: &ProgressBar, news: &News<'_>) {
    match news {
        News::Preparing { what, n_done, n_all } => {
            bar.set_style(style(match n_all {
                0 => "  {msg}",
                _ => "  {msg} [{bar:20}] {human_pos}/{human_len}",
            }));
            bar.set_length(*n_all);
            bar.set_position(*n_done);
            bar.set_message((*what).to_owned());
        }
        News::Step(step) => {
            bar.set_style(style("  step {human_pos}/{human_len} [{bar:20}] {msg}"));
            bar.set_length(step.n_steps);
            bar.set_position(step.step);
            bar.set_message(numbers_of_step(step));
        }
        other => {
            if let Some(text) = words(other) {
                bar.suspend(|| line(&text));
            }
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// Writes a line to stderr.
fn line(text: &str) {
    // A terminal that takes no more text has nobody in front of it.
    let _written = writeln!(std::io::stderr(), "{text}").is_ok();
}

/// Returns news that are not told on the line that moves, for people.
fn words(news: &News<'_>) -> Option<String> {
    Some(match news {
        News::Note(text) => format!("note: {text}"),
        News::Begun { step, n_steps, n_trained, n_validation } => {
            let start = match step {
                0 => format!("training: {} steps", thousands(*n_steps)),
                _ => {
                    format!("going on after step {} of {}", thousands(*step), thousands(*n_steps))
                }
            };
            let held = counted(*n_validation as u64, "window");
            format!("{start}, {} trained weights, {held} held back", thousands(*n_trained))
        }
        News::Validated { step, validation, is_best } => {
            words_of_validation(*step, validation, *is_best)
        }
        // They come often and are listed in the run directory.
        News::Saved { .. } | News::Step(_) | News::Preparing { .. } => return None,
    })
}

fn words_of_validation(step: u64, validation: &Validation, is_best: bool) -> String {
    let mut text = format!("step {}: held-back rows: ", thousands(step));
    match (validation.all.loss(), validation.all.perplexity()) {
        (Some(loss), Some(perplexity)) => {
            // Writing to a string cannot fail.
            let _written = write!(text, "loss {loss:.3}, perplexity {perplexity:.1}").is_ok();
        }
        _ => text.push_str("no token to look at"),
    }
    for (lang, mean) in &validation.languages {
        if let Some(loss) = mean.loss() {
            let _written = write!(text, ", {lang} {loss:.3}").is_ok();
        }
    }
    if is_best && step != 0 {
        text.push_str("; the lowest so far");
    }
    text
}

fn words_of_step(step: &Progress) -> String {
    let (at, of) = (thousands(step.step), thousands(step.n_steps));
    format!("step {at} of {of}: {}", numbers_of_step(step))
}

/// Returns loss, rate, padding, MFU, memory and the time that is left.
fn numbers_of_step(step: &Progress) -> String {
    let mut parts = vec![
        format!("loss {:.3}", step.loss),
        format!("{} tokens/s", thousands(step.tokens_per_second.max(0.0) as u64)),
        format!("{:.1} % padding", 100.0 * step.padding),
    ];
    parts.extend(step.mfu.map(|mfu| format!("MFU {:.1} %", 100.0 * mfu)));
    parts.extend(step.memory.map(|bytes| HumanBytes(bytes).to_string()));
    if step.step < step.n_steps {
        parts.push(format!("{} left", HumanDuration(step.eta)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use crossic_trainer::run::validate::Mean;

    use super::*;

    fn step() -> Progress {
        Progress {
            step: 12,
            n_steps: 1500,
            epoch: 0.01,
            loss: 2.34567,
            learning_rate: 1e-4,
            grad_norm: 1.0,
            tokens_per_second: 10_400.9,
            padding: 0.1834,
            mfu: Some(0.401),
            memory: Some(3 << 30),
            eta: Duration::from_secs(7200),
        }
    }

    #[test]
    fn a_step_is_one_line() {
        assert_eq!(
            words_of_step(&step()),
            "step 12 of 1,500: loss 2.346, 10,400 tokens/s, 18.3 % padding, MFU 40.1 %, 3.00 GiB, 2 hours left"
        );
        let unknown = Progress { step: 1500, mfu: None, memory: None, ..step() };
        assert_eq!(
            words_of_step(&unknown),
            "step 1,500 of 1,500: loss 2.346, 10,400 tokens/s, 18.3 % padding"
        );
    }

    #[test]
    fn a_validation_names_the_languages() {
        let mean = |sum: f64| Mean { sum, n_tokens: 2 };
        let languages = [("en".to_owned(), mean(3.0)), ("th".to_owned(), mean(5.0))];
        let validation = Validation {
            all: mean(4.0),
            languages: languages.into_iter().collect(),
            ..Validation::default()
        };
        let text = words_of_validation(100, &validation, true);
        assert_eq!(
            text,
            "step 100: held-back rows: loss 2.000, perplexity 7.4, en 1.500, th 2.500; the lowest so far"
        );
        assert!(!words_of_validation(0, &validation, true).contains("lowest"));
        let nothing = words_of_validation(1, &Validation::default(), false);
        assert_eq!(nothing, "step 1: held-back rows: no token to look at");
    }
}
