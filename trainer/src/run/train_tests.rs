//! The loop with a toy learner: whatever happens to a run, it ends with the bytes of one that nothing happened to.

use std::{cell::RefCell, path::Path};

use super::*;
use crate::run::{
    durable::tests::failing_after,
    learner::Cursor,
    stop,
    toy::{Loader, Toy, window},
    watch::Silence,
};

const N_STEPS: u64 = 10;

fn settings() -> Settings {
    Settings {
        micro_windows: 3,
        learning_rate: 0.05,
        warmup_ratio: 0.2,
        weight_decay: 0.1,
        validate_every: 4,
        checkpoint_every: 3,
        ..Settings::default()
    }
}

/// Returns a directory in memory where there is such a thing: the tests make hundreds of checkpoints, and most of
/// their time would be fsync's.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A run to be made in a test.
struct Trial<'a> {
    dir: &'a Path,
    settings: Settings,
    learner: Toy,
    loader: Loader,
    fresh: bool,
    base: &'a str,
    watch: &'a dyn Watch,
}

/// What came of a trial.
#[derive(Debug)]
struct Trialled {
    outcome: Outcome,
    /// Parameters when they were exported.
    exported: Vec<Vec<u32>>,
}

impl<'a> Trial<'a> {
    fn new(dir: &'a Path) -> Trial<'a> {
        let (learner, loader) = (Toy::new(), Loader::new(N_STEPS));
        let settings = settings();
        Trial { dir, settings, learner, loader, fresh: false, base: "base", watch: &Silence }
    }

    fn run(mut self) -> Result<Trialled> {
        let dir = RunDir::take(self.dir)?;
        let stop = Stop::by_file(&dir)?;
        let languages = ["th".to_owned(), "en".to_owned()];
        let job = Job {
            settings: &self.settings,
            dir: &dir,
            languages: &languages,
            n_places: 8,
            base: self.base.to_owned(),
            corpus: "corpus".to_owned(),
            device: "cpu".to_owned(),
            peak: Some(1e9),
            fresh: self.fresh,
            stop: &stop,
            watch: self.watch,
        };
        let mut exported = Vec::new();
        let mut export = |learner: &Toy, _step: u64| {
            exported = learner.numbers();
            Ok(())
        };
        let outcome = train(&job, &mut self.learner, &mut self.loader, &mut export)?;
        Ok(Trialled { outcome, exported })
    }
}

/// Hears everything, and does something at a step.
struct Ear<'a> {
    heard: RefCell<Vec<String>>,
    at_step: u64,
    then: &'a dyn Fn(),
}

impl<'a> Ear<'a> {
    fn new(at_step: u64, then: &'a dyn Fn()) -> Ear<'a> {
        Ear { heard: RefCell::default(), at_step, then }
    }
}

impl Watch for Ear<'_> {
    fn hear(&self, news: &News<'_>) {
        self.heard.borrow_mut().push(format!("{news:?}"));
        if let News::Step(progress) = news
            && progress.step == self.at_step
        {
            (self.then)();
        }
    }
}

/// Returns all that a run leaves that must not depend on what happened on the way.
fn left(dir: &Path) -> Vec<(String, String)> {
    let run = RunDir::take(dir).unwrap();
    let mut left = Vec::new();
    for step in checkpoint::steps(&run).unwrap() {
        for path in durable::list(&checkpoint::dir(&run, step)).unwrap() {
            let name = format!("{step} {}", durable::name(&path));
            if !name.ends_with("state.json") {
                let hash = blake3::hash(&fs_err::read(path).unwrap());
                left.push((name, hash.to_hex().to_string()));
            }
        }
    }
    let metrics = Metrics::open(&run.join("metrics.jsonl"), u64::MAX, true).unwrap();
    for line in metrics.lines {
        // Without what a clock says.
        let text = match line {
            Line::Step(it) => {
                format!(
                    "{} {} {} {:x} {:x}",
                    it.step,
                    it.epoch,
                    it.tokens,
                    it.loss.to_bits(),
                    it.lr.to_bits()
                )
            }
            Line::Eval(it) => format!("{} {} {:?}", it.step, it.eval_loss, it.eval_languages),
        };
        left.push(("metrics".to_owned(), text));
    }
    left.push(("state".to_owned(), fs_err::read_to_string(run.join("checkpoints.json")).unwrap()));
    left
}

/// Returns what an undisturbed run leaves, and what it exports.
fn undisturbed() -> (Vec<(String, String)>, Trialled) {
    let dir = scratch();
    let result = Trial::new(dir.path()).run().unwrap();
    (left(dir.path()), result)
}

#[test]
fn a_run_learns_validates_saves_and_writes_its_records() {
    let dir = scratch();
    let ear = Ear::new(0, &|| {});
    let result = Trial { watch: &ear, ..Trial::new(dir.path()) }.run().unwrap();
    let outcome = &result.outcome;
    assert_eq!((outcome.ended, outcome.step, outcome.exported), (Ended::Done, 10, Some(10)));
    let (first, last) = outcome.validations.as_ref().unwrap();
    assert_eq!((first.step, last.step), (0, 10));
    assert!(last.eval_loss < first.eval_loss);
    assert!(last.eval_languages["th"] < first.eval_languages["th"]);
    assert_eq!(last.eval_english, Some(last.eval_languages["en"]));
    assert_eq!(last.eval_tokens, 3 + 1 + 2);
    for name in ["trainer_state.json", "curve.svg", "report.html", "report.md", "checkpoints.json"]
    {
        assert!(dir.path().join(name).exists(), "{name}");
    }
    // Two are kept, and the best.
    let run = RunDir::take(dir.path()).unwrap();
    assert_eq!(checkpoint::steps(&run).unwrap(), [9, 10]);
    let heard = ear.heard.borrow();
    let saved = heard.iter().filter(|it| it.starts_with("Saved")).count();
    // Steps 3, 4 (the best so far), 6, 8 (again), 9, 10.
    assert_eq!(saved, 6, "{heard:?}");
    assert_eq!(heard.iter().filter(|it| it.starts_with("Step")).count(), 10);
}

#[test]
fn a_run_that_is_stopped_after_step_5_ends_with_the_same_bytes() {
    let (expected, whole) = undisturbed();
    let dir = scratch();
    let file = dir.path().join(stop::FILE);
    let touch = || fs_err::write(&file, b"").unwrap();
    let ear = Ear::new(5, &touch);
    let result = Trial { watch: &ear, ..Trial::new(dir.path()) }.run().unwrap();
    assert_eq!(result.outcome.ended, Ended::Asked(Asked::File));
    assert_eq!((result.outcome.step, result.outcome.exported), (5, None));
    assert!(result.exported.is_empty() && !file.exists());

    let ear = Ear::new(0, &|| {});
    let result = Trial { watch: &ear, ..Trial::new(dir.path()) }.run().unwrap();
    assert!(ear.heard.borrow()[0].starts_with("Begun { step: 5"), "{:?}", ear.heard);
    assert_eq!(result.exported, whole.exported);
    // The checkpoint after step 5 is one more than elsewhere, but only the last two are kept.
    assert_eq!(left(dir.path()), expected);
}

#[test]
fn a_run_that_is_killed_in_any_step_ends_with_the_same_bytes() {
    let (expected, whole) = undisturbed();
    for step in 1..=N_STEPS {
        let dir = scratch();
        let mut trial = Trial::new(dir.path());
        trial.learner.fails_at = Some(step);
        trial.run().unwrap_err();
        let result = Trial::new(dir.path()).run().unwrap();
        assert_eq!(result.exported, whole.exported, "step {step}");
        assert_eq!(left(dir.path()), expected, "step {step}");
    }
}

#[test]
fn a_run_whose_disk_fails_anywhere_ends_with_the_same_bytes() {
    // Few steps: the run is made again for each of its changes on disk.
    fn trial(dir: &Path) -> Trial<'_> {
        let mut trial = Trial::new(dir);
        trial.loader = Loader::new(3);
        trial.settings =
            Settings { validate_every: 2, checkpoint_every: 1, keep_checkpoints: 1, ..settings() };
        trial
    }
    let dir = scratch();
    let whole = trial(dir.path()).run().unwrap();
    let expected = left(dir.path());
    for n_changes in 0.. {
        let dir = scratch();
        let result = failing_after(n_changes, || trial(dir.path()).run());
        let is_over = result.is_ok();
        if let Err(error) = result {
            assert!(error.to_string().contains("no space"), "{error}");
        }
        let result = trial(dir.path()).run().unwrap();
        assert_eq!(result.exported, whole.exported, "{n_changes}");
        assert_eq!(left(dir.path()), expected, "{n_changes}");
        if is_over {
            assert!(100 < n_changes, "{n_changes}");
            break;
        }
    }
}

#[test]
fn a_run_that_is_over_exports_again_and_steps_no_more() {
    let dir = scratch();
    let first = Trial::new(dir.path()).run().unwrap();
    let before = left(dir.path());
    let mut trial = Trial::new(dir.path());
    trial.learner.fails_at = Some(11);
    let second = trial.run().unwrap();
    assert_eq!(first.exported, second.exported);
    assert_eq!(left(dir.path()), before);
}

#[test]
fn more_steps_may_be_added() {
    let dir = scratch();
    Trial::new(dir.path()).run().unwrap();
    let mut trial = Trial::new(dir.path());
    trial.loader = Loader::new(12);
    trial.settings.max_steps = Some(12);
    let ear = Ear::new(0, &|| {});
    let result = Trial { watch: &ear, ..trial }.run().unwrap();
    assert_eq!((result.outcome.step, result.outcome.ended), (12, Ended::Done));
    assert!(ear.heard.borrow()[0].contains("`max-steps`: null then, 12 now"), "{:?}", ear.heard);
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_is_used() {
    let (expected, _) = undisturbed();
    let dir = scratch();
    Trial::new(dir.path()).run().unwrap();
    let last = dir.path().join("checkpoints/step-000010/first-moments.safetensors");
    let mut bytes = fs_err::read(&last).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs_err::write(&last, bytes).unwrap();
    let ear = Ear::new(0, &|| {});
    Trial { watch: &ear, ..Trial::new(dir.path()) }.run().unwrap();
    let heard = ear.heard.borrow();
    assert!(heard[0].contains("step-000010") && heard[0].contains("first-moments"), "{heard:?}");
    assert!(heard[1].starts_with("Begun { step: 9"), "{heard:?}");
    assert!(dir.path().join("checkpoints/damaged-step-000010").is_dir());
    assert_eq!(left(dir.path()), expected);

    for step in ["step-000009", "step-000010"] {
        fs_err::write(dir.path().join("checkpoints").join(step).join("state.json"), b"{}").unwrap();
    }
    let error = Trial::new(dir.path()).run().unwrap_err();
    assert!(error.to_string().contains("step-000010"), "{error}");
    assert!(error.hint().unwrap().contains("--fresh"));
    let result = Trial { fresh: true, ..Trial::new(dir.path()) }.run().unwrap();
    assert_eq!(result.outcome.step, 10);
    assert_eq!(left(dir.path()), expected);
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let dir = scratch();
    Trial::new(dir.path()).run().unwrap();
    let before = left(dir.path());
    let mut trial = Trial { base: "other", ..Trial::new(dir.path()) };
    trial.settings.learning_rate = 0.1;
    let error = trial.run().unwrap_err().to_string();
    assert!(error.contains("`learning-rate`: 0.05 then, 0.1 now"), "{error}");
    assert!(error.contains("base then, other now"), "{error}");
    assert_eq!(left(dir.path()), before);
}

#[test]
fn training_ends_when_the_validation_loss_stops_falling() {
    let dir = scratch();
    let mut trial = Trial::new(dir.path());
    trial.settings =
        Settings { learning_rate: 0.0, validate_every: 1, patience: 3, ..trial.settings };
    let result = trial.run().unwrap();
    // The first validation after a step is the best, and three are no better.
    assert_eq!((result.outcome.ended, result.outcome.step), (Ended::Patience, 4));
    assert_eq!(result.outcome.best.unwrap().step, 1);
    assert_eq!(result.outcome.exported, Some(4));
}

#[test]
fn the_best_checkpoint_stays_and_can_be_chosen() {
    // At a high constant rate the parameters overshoot, so that the last is not the best.
    let overshooting = |choose, dir: &Path| {
        let mut trial = Trial::new(dir);
        trial.loader = Loader::new(30);
        trial.settings = Settings {
            learning_rate: 0.2,
            schedule: crate::settings::Schedule::Constant,
            validate_every: 2,
            checkpoint_every: 1,
            choose,
            ..trial.settings
        };
        trial.run().unwrap()
    };
    let (dir, other) = (scratch(), scratch());
    let result = overshooting(Choose::Best, dir.path());
    let best = result.outcome.best.unwrap();
    assert!(best.step < 28, "{best:?}");
    assert_eq!(result.outcome.exported, Some(best.step));
    let run = RunDir::take(dir.path()).unwrap();
    assert_eq!(checkpoint::steps(&run).unwrap(), [best.step, 29, 30]);
    let mut toy = Toy::new();
    checkpoint::restore(&run, best.step, toy.parameters_mut()).unwrap();
    assert_eq!(result.exported, toy.numbers());
    let last = overshooting(Choose::Last, other.path());
    assert_ne!(last.exported, result.exported);
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_and_names_the_rows() {
    let dir = scratch();
    let mut trial = Trial::new(dir.path());
    // Step 6 learns from windows 20 to 23: the seventh to the tenth of the second epoch.
    let place = Cursor { epoch: 1, done: 8 };
    trial.loader.poison = Some(place);
    let error = trial.run().unwrap_err();
    let mut poisoned = Loader::new(1);
    poisoned.poison = Some(place);
    poisoned.seek(place).unwrap();
    let row = poisoned.next().unwrap().unwrap().windows[0].rows[0].to_string();
    match &error {
        Error::NonFinite { what, step, rows } => {
            assert_eq!((what.as_str(), *step), ("the loss", 6));
            assert_eq!(rows.as_slice(), std::slice::from_ref(&row));
        }
        error => panic!("{error}"),
    }
    assert!(fs_err::read_to_string(dir.path().join("not-finite.json")).unwrap().contains(&row));
    // The last good checkpoint stays as it was, and without that row the run goes on from it.
    let ear = Ear::new(0, &|| {});
    Trial { watch: &ear, ..Trial::new(dir.path()) }.run().unwrap();
    assert!(ear.heard.borrow()[0].starts_with("Begun { step: 4"), "{:?}", ear.heard);
    assert_eq!(left(dir.path()), undisturbed().0);
}

#[test]
fn a_corpus_without_held_back_rows_or_steps_is_fine_or_refused() {
    let dir = scratch();
    let mut trial = Trial::new(dir.path());
    trial.loader.has_validation = false;
    trial.settings.choose = Choose::Best;
    let result = trial.run().unwrap();
    assert_eq!(result.outcome.exported, Some(10));
    assert_eq!((result.outcome.best, result.outcome.validations), (None, None));

    let dir = scratch();
    let error = Trial { loader: Loader::new(0), ..Trial::new(dir.path()) }.run().unwrap_err();
    assert!(error.to_string().contains("nothing to learn"), "{error}");
}

#[test]
fn validation_counts_by_language_and_leaves_out_what_is_not_learned() {
    let toy = Toy::new();
    let languages = ["th".to_owned(), "en".to_owned(), "fr".to_owned()];
    let mut other = window(&[4, 4, 4]);
    other.languages = vec![2, crate::data::window::NO_LANGUAGE, 2];
    let windows = [window(&[1, 5, 9, 13]), other];
    let losses = toy.token_losses(&windows).unwrap();
    for n_together in [0, 1, 2, 9] {
        let found = validate(&toy, &windows, n_together, &languages, 1).unwrap();
        let sum = |places: &[(usize, usize)]| -> f64 {
            places.iter().map(|(window, token)| f64::from(losses[*window][*token])).sum()
        };
        assert_eq!(found.all.n_tokens, 5);
        assert!((found.all.sum - sum(&[(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)])).abs() < 1e-9);
        assert!((found.english.sum - sum(&[(0, 1), (0, 3)])).abs() < 1e-9);
        assert!((found.target.sum - sum(&[(0, 2), (1, 2)])).abs() < 1e-9);
        assert_eq!(found.languages["fr"].n_tokens, 1);
        assert_eq!(found.all.perplexity(), found.all.loss().map(f64::exp));
    }
}
