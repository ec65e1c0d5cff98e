//! `metrics.jsonl`: one line a step and one a validation, never two of the same.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    /// A step.
    Step(StepLine),
    /// A validation.
    Eval(EvalLine),
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// Steps done.
    pub step: u64,
    /// Passes over the corpus.
    pub epoch: f64,
    /// Tokens learned from since the beginning of the run.
    pub tokens: u64,
    /// Mean loss of the learned tokens of the step, in nats.
    pub loss: f64,
    /// Learning rate of the step.
    pub lr: f64,
    /// Norm of all gradients together before clipping.
    pub grad_norm: f64,
    /// Tokens per second of the step, padding not counted.
    pub tokens_per_second: f64,
    /// Share of the places of the windows that no token fills.
    pub padding: f64,
    /// Share of the device's speed that the model's operations make up.
    pub mfu: Option<f64>,
    /// Bytes in use, on the device or of the process.
    pub memory: Option<u64>,
    /// Seconds of training since the beginning of the run.
    pub wall: f64,
    /// Seconds of the Unix epoch.
    pub time: f64,
}

/// A validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalLine {
    /// Steps done.
    pub step: u64,
    /// Passes over the corpus.
    pub epoch: f64,
    /// Mean loss of the held-back tokens, in nats.
    pub eval_loss: f64,
    /// Its exponential.
    pub eval_ppl: f64,
    /// Tokens that count.
    pub eval_tokens: u64,
    /// Mean loss by language.
    pub eval_languages: BTreeMap<String, f64>,
    /// Mean loss of English, where there is any.
    pub eval_english: Option<f64>,
    /// Mean loss of all other languages together.
    pub eval_target: Option<f64>,
    /// Seconds that the validation took.
    pub seconds: f64,
    /// Seconds of training since the beginning of the run.
    pub wall: f64,
    /// Seconds of the Unix epoch.
    pub time: f64,
}

impl Line {
    /// Returns the number of steps done.
    pub fn step(&self) -> u64 {
        match self {
            Line::Step(line) => line.step,
            Line::Eval(line) => line.step,
        }
    }
}

/// The file, open at its end, and all that it says.
#[derive(Debug)]
pub struct Metrics {
    file: fs_err::File,
    path: PathBuf,
    /// All lines.
    pub lines: Vec<Line>,
}

impl Metrics {
    /// Opens the file for a run that goes on after `step`, 0 for a new one. What comes after that step is cut off, and
    /// so is the validation at it unless `is_validated`: they will be written again.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or is not one of metrics.
    pub fn open(path: &Path, step: u64, is_validated: bool) -> Result<Metrics> {
        let text = match fs_err::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            result => result?,
        };
        let is_past = |line: &Line| match line {
            Line::Step(line) => step < line.step,
            Line::Eval(line) => step < line.step || (step == line.step && !is_validated),
        };
        let mut lines = Vec::new();
        let mut n_kept = 0;
        for (number, bytes) in text.split_inclusive(|it| *it == b'\n').enumerate() {
            let line = serde_json::from_slice(bytes).ok().filter(|_| bytes.ends_with(b"\n"));
            let is_last = n_kept + bytes.len() == text.len();
            match line {
                Some(line) if is_past(&line) => break,
                Some(line) => lines.push(line),
                // A run that is killed may leave half a line, and only at the end.
                None if is_last => break,
                None => {
                    return Err(Error::file(
                        path,
                        format!("has no metrics in line {}", number + 1),
                        "remove that line, or the file if its figures are of no use",
                    ));
                }
            }
            n_kept += bytes.len();
        }
        let mut options = fs_err::OpenOptions::new();
        let file = options.append(true).create(true).open(path)?;
        file.set_len(n_kept as u64)?;
        Ok(Metrics { file, path: path.to_owned(), lines })
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    pub fn add(&mut self, line: Line) -> Result<()> {
        let mut text = serde_json::to_string(&line)
            .map_err(|cause| Error::file(&self.path, format!("cannot be written: {cause}"), ""))?;
        text.push('\n');
        // In one piece, so that whoever follows the file never reads half a line.
        self.file.write_all(text.as_bytes())?;
        self.lines.push(line);
        Ok(())
    }

    /// Makes all lines durable; to be called before a checkpoint says that these steps are done.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn sync(&self) -> Result<()> {
        Ok(self.file.sync_all()?)
    }

    /// Returns the lines of steps.
    pub fn steps(&self) -> impl Iterator<Item = &StepLine> {
        self.lines.iter().filter_map(|it| match it {
            Line::Step(line) => Some(line),
            Line::Eval(_) => None,
        })
    }

    /// Returns the lines of validations.
    pub fn evals(&self) -> impl Iterator<Item = &EvalLine> {
        self.lines.iter().filter_map(|it| match it {
            Line::Eval(line) => Some(line),
            Line::Step(_) => None,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::run) fn step(step: u64, loss: f64) -> Line {
        Line::Step(StepLine {
            step,
            epoch: step as f64 / 10.0,
            tokens: 100 * step,
            loss,
            lr: 1e-4,
            grad_norm: 0.5,
            tokens_per_second: 1000.0,
            padding: 0.01,
            mfu: None,
            memory: Some(1 << 20),
            wall: step as f64,
            time: 1.8e9 + step as f64,
        })
    }

    pub(in crate::run) fn eval(step: u64, loss: f64) -> Line {
        let languages = [("en", loss - 0.5), ("ไทย<&", loss + 0.5)];
        Line::Eval(EvalLine {
            step,
            epoch: step as f64 / 10.0,
            eval_loss: loss,
            eval_ppl: loss.exp(),
            eval_tokens: 50,
            eval_languages: languages.map(|(name, it)| (name.to_owned(), it)).into(),
            eval_english: Some(loss - 0.5),
            eval_target: Some(loss + 0.5),
            seconds: 0.1,
            wall: step as f64,
            time: 1.8e9 + step as f64,
        })
    }

    #[test]
    fn a_run_that_goes_on_writes_no_step_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut metrics = Metrics::open(&path, 0, false).unwrap();
        let lines =
            [eval(0, 9.0), step(1, 8.0), step(2, 7.0), eval(2, 7.5), step(3, 6.0), step(4, 5.0)];
        for line in lines.clone() {
            metrics.add(line).unwrap();
        }
        metrics.sync().unwrap();
        let bytes = fs_err::read(&path).unwrap();
        let check = |step, is_validated, n_lines: usize| {
            for torn in [&b""[..], b"{\"kind\":\"st", b"\0\0\0"] {
                fs_err::write(&path, [&bytes[..], torn].concat()).unwrap();
                let metrics = Metrics::open(&path, step, is_validated).unwrap();
                assert_eq!(metrics.lines, lines[..n_lines], "step {step}");
                let text = fs_err::read_to_string(&path).unwrap();
                assert_eq!(text.lines().count(), n_lines);
                assert!(bytes.starts_with(text.as_bytes()));
            }
        };
        check(4, true, 6);
        check(3, false, 5);
        check(2, true, 4);
        check(2, false, 3);
        check(1, true, 2);
        check(0, true, 1);
        check(0, false, 0);
    }

    #[test]
    fn a_line_that_is_damaged_within_the_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs_err::write(&path, "{}\n{}\n").unwrap();
        let error = Metrics::open(&path, 4, true).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
