//! The loop: go on from the last checkpoint, step, validate, save, end.
//!
//! Whatever is due after a step is done before the next one begins, and a run that goes on first does what was due
//! and is not in its checkpoint. So a run that was killed anywhere ends with the same bytes as one that was not.

use std::time::{Duration, Instant};

use super::{
    checkpoint::{self, Best, State},
    curve,
    directory::RunDir,
    durable,
    events::Events,
    learner::{Batch, Batches, Learner},
    metrics::{EvalLine, Line, Metrics, StepLine},
    progress::{self, Progress, Smooth},
    report, same,
    step::{Stepped, step},
    stop::{Asked, Stop},
    trainer_state::trainer_state,
    validate::{Validation, validate},
    watch::{News, Watch},
};
use crate::{
    data::window::Window,
    error::{Error, Result},
    optimizer::{adamw::Moments, schedule},
    settings::{Choose, Settings},
};

/// The rows that a message names at most; the file has them all.
const MAX_NAMED: usize = 16;

/// What is to be done.
pub struct Job<'a> {
    /// The `[train]` table.
    pub settings: &'a Settings,
    /// The run directory.
    pub dir: &'a RunDir,
    /// Language codes, in the order of the corpus.
    pub languages: &'a [String],
    /// N: places of a window.
    pub n_places: usize,
    /// Digest of the base model.
    pub base: String,
    /// Digest of the corpus.
    pub corpus: String,
    /// Name of the device.
    pub device: String,
    /// Operations per second that the device is capable of, if that is known ([`progress::probe`]).
    pub peak: Option<f64>,
    /// Whether to start anew even if there is a checkpoint.
    pub fresh: bool,
    /// Who may end the run early.
    pub stop: &'a Stop,
    /// Who is told.
    pub watch: &'a dyn Watch,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All steps are done.
    Done,
    /// The validation loss has not fallen for as long as `patience` allows.
    Patience,
    /// Somebody asked; the next run goes on from here.
    Asked(Asked),
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run.
    pub n_steps: u64,
    /// Tokens learned from.
    pub n_tokens: u64,
    /// The best validation.
    pub best: Option<Best>,
    /// The step whose parameters were exported; `None` if none were.
    pub exported: Option<u64>,
    /// Loss of the first step and of the last one.
    pub losses: Option<(f64, f64)>,
    /// The first and the last validation of the run.
    pub validations: Option<(EvalLine, EvalLine)>,
}

/// Trains until an end is reached, and exports what `choose` says. `export` gets the learner with the chosen parameters
/// and their step; it is not called when somebody asked for the end.
///
/// # Errors
///
/// The checkpoint is of another run, or damaged with none before it; the model, the corpus or the disk fail; the loss is
/// not finite. The last good checkpoint always stays.
pub fn train<L: Learner>(
    job: &Job<'_>,
    learner: &mut L,
    batches: &mut dyn Batches,
    export: &mut dyn FnMut(&L, u64) -> Result<()>,
) -> Result<Outcome> {
    let mut run = Run::begin(job, learner, batches)?;
    let ended = run.go_on()?;
    let exported = match ended {
        Ended::Asked(_) => None,
        Ended::Done | Ended::Patience => {
            let chosen = run.choose()?;
            export(run.learner, chosen)?;
            Some(chosen)
        }
    };
    if let Ended::Asked(_) = ended {
        job.stop.grant()?;
    }
    Ok(run.outcome(ended, exported))
}

/// A run under way.
struct Run<'a, L> {
    job: &'a Job<'a>,
    learner: &'a mut L,
    batches: &'a mut dyn Batches,
    moments: Vec<Moments>,
    state: State,
    /// The step whose checkpoint on disk says all that `state` does.
    saved: Option<u64>,
    held_back: Vec<Window>,
    metrics: Metrics,
    events: Events,
    smooth: Smooth,
    epoch: f64,
    begun: Instant,
    /// Milliseconds of the parts before this one.
    before: u64,
    /// Steps of this part.
    n_here: u64,
}

impl<'a, L: Learner> Run<'a, L> {
    /// Goes on from the last checkpoint, or begins.
    fn begin(
        job: &'a Job<'a>,
        learner: &'a mut L,
        batches: &'a mut dyn Batches,
    ) -> Result<Run<'a, L>> {
        if job.fresh {
            job.dir.clear()?;
        }
        let n_steps = batches.n_steps();
        if n_steps == 0 {
            return Err(Error::refused(
                "there is nothing to learn: the run would have no step",
                "look at the corpus with `crossic inspect`, and at `epochs` and `max-steps`",
            ));
        }
        let texts = same::texts(job.settings);
        let now = State::new(texts, job.base.clone(), job.corpus.clone(), job.device.clone());
        let found = checkpoint::find(job.dir)?;
        found.notes.iter().for_each(|it| job.watch.hear(&News::Note(it)));
        let saved = found.state.as_ref().map(|it| it.step);
        let (mut state, moments) = match found.state {
            None => {
                let moments = learner.parameters().iter().map(Moments::new).collect();
                (now, moments)
            }
            Some(then) => {
                let state = goes_on(then, now, job)?;
                let moments = checkpoint::restore(job.dir, state.step, learner.parameters_mut())?;
                learner.moved();
                batches.seek(state.cursor)?;
                checkpoint::settle(job.dir, &state, job.settings.keep_checkpoints)?;
                (state, moments)
            }
        };
        state.n_steps = n_steps;
        let is_validated = state.validated == Some(state.step);
        let metrics = Metrics::open(&job.dir.join("metrics.jsonl"), state.step, is_validated)?;
        let events = Events::start(job.dir.path(), job.dir.now(), &metrics.lines)?;
        let mut smooth = Smooth::default();
        metrics.steps().for_each(|it| {
            smooth.add(it.loss);
        });
        let held_back = batches.validation()?;
        let n_trained = learner.parameters().iter().map(|it| it.value.dims()[0] as u64).sum();
        let (step, n_validation) = (state.step, held_back.len());
        job.watch.hear(&News::Begun { step, n_steps, n_trained, n_validation });
        Ok(Run {
            epoch: metrics.steps().last().map_or(0.0, |it| it.epoch),
            before: state.milliseconds,
            job,
            learner,
            batches,
            moments,
            state,
            saved,
            held_back,
            metrics,
            events,
            smooth,
            begun: Instant::now(),
            n_here: 0,
        })
    }

    /// Steps until an end is reached; all that is due is done and saved then.
    fn go_on(&mut self) -> Result<Ended> {
        let settings = self.job.settings;
        let mut is_over = false;
        loop {
            let is_done = self.state.n_steps <= self.state.step;
            if let Some(asked) = self.job.stop.asked_at(self.state.step).filter(|_| !is_done) {
                self.save("stopped; the next run goes on from here")?;
                return Ok(Ended::Asked(asked));
            }
            if is_due(settings.validate_every, self.state.step) && self.validate()? {
                self.save("under way")?;
            }
            let is_patient = settings.patience == 0 || self.state.n_worse < settings.patience;
            if is_over || self.state.n_steps <= self.state.step || !is_patient {
                // At the end there is always a validation, and it may be the best.
                self.validate()?;
                let ended = if is_patient { Ended::Done } else { Ended::Patience };
                self.save(match ended {
                    Ended::Patience => "ended early: the validation loss has stopped falling",
                    _ => "done",
                })?;
                return Ok(ended);
            }
            if self.state.step != 0 && is_due(settings.checkpoint_every, self.state.step) {
                self.save("under way")?;
            }
            match self.batches.next()? {
                Some(batch) => self.step(&batch)?,
                None => is_over = true,
            }
        }
    }

    /// Learns from a batch and tells of it.
    fn step(&mut self, batch: &Batch) -> Result<()> {
        let (job, settings) = (self.job, self.job.settings);
        let number = self.state.step + 1;
        let lr = schedule::learning_rate(self.state.step, self.state.n_steps, settings);
        let begun = Instant::now();
        let stepped = step(self.learner, &mut self.moments, batch, number, lr, settings);
        let Stepped { loss, grad_norm } = stepped.map_err(|it| self.explain(it))?;
        let seconds = begun.elapsed().as_secs_f64().max(1e-9);

        let n_tokens: usize = batch.windows.iter().map(Window::len).sum();
        let n_places = batch.windows.len() * job.n_places;
        self.state.step = number;
        self.state.n_tokens += n_tokens as u64;
        self.state.cursor = batch.cursor;
        self.epoch = batch.epoch;
        self.n_here += 1;
        let tokens_per_second = n_tokens as f64 / seconds;
        let flops = self.learner.flops_per_token(job.n_places as f64);
        let line = StepLine {
            step: number,
            epoch: batch.epoch,
            tokens: self.state.n_tokens,
            loss,
            lr,
            grad_norm,
            tokens_per_second,
            padding: 1.0 - (n_tokens as f64 / n_places.max(1) as f64).min(1.0),
            mfu: job.peak.map(|it| flops * tokens_per_second / it),
            memory: self.learner.memory().or_else(progress::process_memory),
            wall: self.wall(),
            time: job.dir.now(),
        };
        let progress = Progress {
            step: number,
            n_steps: self.state.n_steps,
            epoch: batch.epoch,
            loss: self.smooth.add(loss),
            learning_rate: lr,
            grad_norm,
            tokens_per_second,
            padding: line.padding,
            mfu: line.mfu,
            memory: line.memory,
            eta: progress::eta(
                self.begun.elapsed(),
                self.n_here,
                self.state.n_steps.saturating_sub(number),
            ),
        };
        self.log(Line::Step(line))?;
        job.watch.hear(&News::Step(&progress));
        Ok(())
    }

    /// Looks at the held-back windows, unless that was done after this very step. Returns whether no earlier
    /// validation was better; what came before the first step does not compete.
    fn validate(&mut self) -> Result<bool> {
        let (job, step) = (self.job, self.state.step);
        if self.held_back.is_empty() || self.state.validated == Some(step) {
            return Ok(false);
        }
        let begun = Instant::now();
        let n_together = job.settings.micro_windows;
        let found = validate(self.learner, &self.held_back, n_together, job.languages, step)?;
        let Some(line) = self.eval_line(&found, begun.elapsed()) else { return Ok(false) };
        let loss = line.eval_loss as f32;
        self.log(Line::Eval(line))?;
        self.state.validated = Some(step);
        self.saved = None;
        let is_best = step != 0 && self.state.best.is_none_or(|it| loss < it.loss);
        if is_best {
            self.state.best = Some(Best { step, loss });
            self.state.n_worse = 0;
        } else if step != 0 {
            self.state.n_worse += 1;
        }
        job.watch.hear(&News::Validated { step, validation: &found, is_best });
        Ok(is_best)
    }

    fn eval_line(&self, found: &Validation, took: Duration) -> Option<EvalLine> {
        Some(EvalLine {
            step: self.state.step,
            epoch: self.epoch,
            eval_loss: found.all.loss()?,
            eval_ppl: found.all.perplexity()?,
            eval_tokens: found.all.n_tokens,
            eval_languages: found
                .languages
                .iter()
                .filter_map(|(language, mean)| Some((language.clone(), mean.loss()?)))
                .collect(),
            eval_english: found.english.loss(),
            eval_target: found.target.loss(),
            seconds: took.as_secs_f64(),
            wall: self.wall(),
            time: self.job.dir.now(),
        })
    }

    /// Saves a checkpoint, unless there is one that says all this, and then the records for people.
    fn save(&mut self, ending: &str) -> Result<()> {
        let (job, step) = (self.job, self.state.step);
        self.metrics.sync()?;
        if self.saved != Some(step) {
            self.state.milliseconds = self.before + self.begun.elapsed().as_millis() as u64;
            let parameters = self.learner.parameters();
            let n_kept = job.settings.keep_checkpoints;
            let dir = checkpoint::save(job.dir, &self.state, parameters, &self.moments, n_kept)?;
            self.saved = Some(step);
            job.watch.hear(&News::Saved { step, dir: &dir });
        }
        let best = self.state.best.map(|it| checkpoint::dir(job.dir, it.step));
        let best = best.map(|it| it.display().to_string());
        let lines = &self.metrics.lines;
        let curve = curve::curve(&self.metrics);
        let page = report::html(&self.state, ending, &self.metrics, &curve);
        let text = report::markdown(&self.state, ending, &self.metrics);
        for (name, content) in [
            ("trainer_state.json", trainer_state(job.settings, &self.state, best, lines)),
            ("curve.svg", curve),
            ("report.html", page),
            ("report.md", text),
        ] {
            durable::replace(&job.dir.join(name), content.as_bytes())?;
        }
        Ok(())
    }

    /// Gives the learner the parameters that `choose` says, and returns their step.
    fn choose(&mut self) -> Result<u64> {
        let (job, last) = (self.job, self.state.step);
        match (job.settings.choose, self.state.best) {
            (Choose::Best, Some(best)) if best.step != last => {
                checkpoint::verify(job.dir, best.step)?;
                let parameters = self.learner.parameters_mut();
                checkpoint::restore_parameters(job.dir, best.step, parameters)?;
                self.learner.moved();
                Ok(best.step)
            }
            (Choose::Best, None) => {
                let note = "no rows are held back, so the last parameters count as the best";
                job.watch.hear(&News::Note(note));
                Ok(last)
            }
            _ => Ok(last),
        }
    }

    fn outcome(&self, ended: Ended, exported: Option<u64>) -> Outcome {
        let (first, last) = (self.metrics.evals().next(), self.metrics.evals().last());
        let losses = self.metrics.steps().next().zip(self.metrics.steps().last());
        Outcome {
            ended,
            step: self.state.step,
            n_steps: self.state.n_steps,
            n_tokens: self.state.n_tokens,
            best: self.state.best,
            exported,
            losses: losses.map(|(first, last)| (first.loss, last.loss)),
            validations: first.cloned().zip(last.cloned()),
        }
    }

    fn log(&mut self, line: Line) -> Result<()> {
        self.events.add(&line)?;
        self.metrics.add(line)
    }

    /// Returns the seconds of training so far, of all parts of the run.
    fn wall(&self) -> f64 {
        self.before as f64 / 1000.0 + self.begun.elapsed().as_secs_f64()
    }

    /// Writes down all rows that a number which is not finite may come from, and shortens the message.
    fn explain(&self, error: Error) -> Error {
        let Error::NonFinite { what, step, mut rows } = error else { return error };
        let path = self.job.dir.join("not-finite.json");
        let all = serde_json::json!({"step": step, "what": what, "rows": rows});
        let is_written = durable::replace(&path, format!("{all:#}\n").as_bytes()).is_ok();
        if MAX_NAMED < rows.len() && is_written {
            let n_more = rows.len() - MAX_NAMED;
            rows.truncate(MAX_NAMED);
            rows.push(format!("and {n_more} more in `{}`", path.display()));
        }
        Error::NonFinite { what, step, rows }
    }
}

/// Returns whether something that is done every so many steps, 0 for never, is due.
fn is_due(every: u64, step: u64) -> bool {
    every != 0 && step.is_multiple_of(every)
}

/// Returns the state with which a run goes on from that of a checkpoint.
fn goes_on(mut then: State, now: State, job: &Job<'_>) -> Result<State> {
    let changes = same::compare(&then.settings, &now.settings);
    let mut refused = changes.refused;
    if then.base != now.base {
        refused.push(format!("the base model: {} then, {} now", then.base, now.base));
    }
    if then.corpus != now.corpus {
        refused.push(format!("the corpus: {} then, {} now", then.corpus, now.corpus));
    }
    if !refused.is_empty() {
        let dir = job.dir.path().display();
        return Err(Error::refused(
            format!(
                "the run in `{dir}` cannot go on with what has changed: {}",
                refused.join(", ")
            ),
            "change it back, set another `dir`, or start anew with `--fresh`",
        ));
    }
    for note in changes.noted {
        job.watch.hear(&News::Note(&format!("{note} since the checkpoint")));
    }
    for (what, then, now) in
        [("device", &then.device, &now.device), ("version", &then.version, &now.version)]
    {
        if then != now {
            let note =
                format!("the {what} was {then} and is {now}: results may differ in last digits");
            job.watch.hear(&News::Note(&note));
        }
    }
    (then.settings, then.device, then.version) = (now.settings, now.device, now.version);
    Ok(then)
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
