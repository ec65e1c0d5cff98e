//! Checkpoints: everything that the steps to come depend on, in a directory that appears whole or not at all.
//!
//! `checkpoints/step-000123/` holds the parameters, AdamW's two moments and `state.json`, which has the hash of each
//! file and its own. The directory itself says which checkpoints there are; `checkpoints.json` only tells people
//! which is the last and which the best.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    directory::RunDir,
    durable,
    learner::Cursor,
    same::Texts,
    tensors::{self, Sealed},
};
use crate::{
    error::{Error, Result},
    optimizer::{adamw::Moments, parameter::Parameter},
};

/// Version of the layout.
const FORMAT: u32 = 1;

/// The file of the parameters, f32.
pub const PARAMETERS: &str = "parameters.safetensors";
const FIRST_MOMENTS: &str = "first-moments.safetensors";
const SECOND_MOMENTS: &str = "second-moments.safetensors";
const STATE: &str = "state.json";

/// How the name of a checkpoint that cannot be used any more starts.
const DAMAGED: &str = "damaged-";

/// Everything but the vectors. It has no 64-bit floating point numbers, which do not come back from JSON exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of the layout.
    pub format: u32,
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run, as it was planned then.
    pub n_steps: u64,
    /// Tokens learned from.
    pub n_tokens: u64,
    /// Where the next batch begins.
    pub cursor: Cursor,
    /// The step after which the held-back windows were last looked at.
    pub validated: Option<u64>,
    /// The best validation.
    pub best: Option<Best>,
    /// Validations since then.
    pub n_worse: u32,
    /// Milliseconds of training, of all its parts together; for logs.
    pub milliseconds: u64,
    /// The settings.
    pub settings: Texts,
    /// Digest of the base model.
    pub base: String,
    /// Digest of the corpus.
    pub corpus: String,
    /// Version of this crate.
    pub version: String,
    /// The device.
    pub device: String,
    /// The files beside this one.
    files: BTreeMap<String, Sealed>,
}

/// A validation that none was better than.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The step after which it was.
    pub step: u64,
    /// Its loss.
    pub loss: f32,
}

impl State {
    /// Returns the state of a run that has not begun.
    pub fn new(settings: Texts, base: String, corpus: String, device: String) -> State {
        State {
            format: FORMAT,
            step: 0,
            n_steps: 0,
            n_tokens: 0,
            cursor: Cursor::default(),
            validated: None,
            best: None,
            n_worse: 0,
            milliseconds: 0,
            settings,
            base,
            corpus,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device,
            files: BTreeMap::new(),
        }
    }
}

/// What `checkpoints.json` says.
#[derive(Debug, Serialize)]
struct Pointer {
    last: String,
    best: Option<String>,
}

/// Returns the directory of the checkpoint after a step.
pub fn dir(run: &RunDir, step: u64) -> PathBuf {
    run.join("checkpoints").join(name(step))
}

/// Returns the name of the checkpoint after a step.
pub fn name(step: u64) -> String {
    format!("step-{step:06}")
}

/// Returns the steps of which there are checkpoints, in order.
///
/// # Errors
///
/// The directory cannot be read.
pub fn steps(run: &RunDir) -> Result<Vec<u64>> {
    let mut steps = Vec::new();
    for path in durable::list(&run.join("checkpoints"))? {
        let file_name = durable::name(&path);
        let step = file_name.strip_prefix("step-").and_then(|it| it.parse().ok());
        steps.extend(step.filter(|it| name(*it) == file_name));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// Saves a checkpoint; one of the same step is replaced. Then removes all but the last `n_kept` and the best.
/// Until the new one is safe on disk, nothing is removed.
///
/// # Errors
///
/// The disk is full or fails, the device fails, or a parameter is not finite.
pub fn save(
    run: &RunDir,
    state: &State,
    parameters: &[Parameter],
    moments: &[Moments],
    n_kept: usize,
) -> Result<PathBuf> {
    let all = run.join("checkpoints");
    let aside = all.join(format!("{}{}", durable::ASIDE, name(state.step)));
    let result = write(&all, &aside, state, parameters, moments).and_then(|()| {
        let dir = dir(run, state.step);
        durable::remove_dir(&dir)?;
        durable::rename(&aside, &dir)?;
        Ok(dir)
    });
    let dir = result.map_err(|error| {
        // Space may be short: half a checkpoint is of no use to anybody.
        fs_err::remove_dir_all(&aside).ok();
        explain(error, state.step)
    })?;
    settle(run, state, n_kept)?;
    Ok(dir)
}

/// Says which checkpoint is the last and which the best, given the state of the last, and removes all but the last
/// `n_kept` and the best. To be done after saving, and by a run that goes on: the one before may have been killed in
/// between.
///
/// # Errors
///
/// The disk is full or fails.
pub fn settle(run: &RunDir, state: &State, n_kept: usize) -> Result<()> {
    let best = state.best.map(|it| it.step);
    let pointer = Pointer { last: name(state.step), best: best.map(name) };
    let text = serde_json::to_vec_pretty(&pointer).map_err(io::Error::from)?;
    durable::replace(&run.join("checkpoints.json"), &text)?;
    let steps = steps(run)?;
    let older = steps.iter().filter(|it| **it <= state.step).rev().skip(n_kept.max(1));
    for step in older.filter(|it| Some(**it) != best) {
        durable::remove_dir(&dir(run, *step))?;
    }
    Ok(())
}

/// Writes a checkpoint under a name that nobody looks at.
fn write(
    all: &Path,
    aside: &Path,
    state: &State,
    parameters: &[Parameter],
    moments: &[Moments],
) -> io::Result<()> {
    durable::create_dir(all)?;
    if aside.exists() {
        fs_err::remove_dir_all(aside)?;
    }
    durable::create_dir(aside)?;
    let with = |vectors: Vec<_>| {
        let named = parameters.iter().zip(vectors);
        named
            .map(|(it, vector)| (it.name.as_str(), it.shape.as_slice(), vector))
            .collect::<Vec<_>>()
    };
    let files = [
        (PARAMETERS, with(parameters.iter().map(|it| &it.value).collect())),
        (FIRST_MOMENTS, with(moments.iter().map(|it| &it.first).collect())),
        (SECOND_MOMENTS, with(moments.iter().map(|it| &it.second).collect())),
    ];
    let mut state = State { files: BTreeMap::new(), ..state.clone() };
    for (file, vectors) in files {
        let sealed = tensors::write(&aside.join(file), vectors.into_iter())?;
        state.files.insert(file.to_owned(), sealed);
    }
    let text = seal(&serde_json::to_string_pretty(&state)?);
    durable::create(&aside.join(STATE), |file| durable::write(file, text.as_bytes()))?;
    durable::sync(aside)
}

/// Says what to do about a checkpoint that could not be saved.
fn explain(error: io::Error, step: u64) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            let what = format!("parameter `{error}`");
            Error::NonFinite { what, step, rows: Vec::new() }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Refused {
            what: format!("no space for the checkpoint of step {step}: {error}"),
            hint: "make room and start again: the run goes on from the checkpoint before"
                .to_owned(),
        },
        _ => error.into(),
    }
}

/// What to go on from.
#[derive(Debug, Default)]
pub struct Found {
    /// The last whole checkpoint.
    pub state: Option<State>,
    /// What was wrong with later ones, for the user.
    pub notes: Vec<String>,
}

/// Looks for the last whole checkpoint. Damaged ones after it are set aside under another name.
///
/// # Errors
///
/// There are checkpoints, but none is whole; or the disk fails.
pub fn find(run: &RunDir) -> Result<Found> {
    let mut found = Found::default();
    let mut damaged = Vec::new();
    for step in steps(run)?.into_iter().rev() {
        let dir = dir(run, step);
        match check(&dir)? {
            Ok(state) if state.step == step => {
                found.state = Some(state);
                break;
            }
            Ok(state) => damaged.push((dir, format!("it is of step {}", state.step))),
            Err(what) => damaged.push((dir, what)),
        }
    }
    if let (None, Some((dir, what))) = (&found.state, damaged.first()) {
        return Err(Error::file(
            dir,
            format!("is damaged, and there is no whole checkpoint before it: {what}"),
            "put it back from a copy, or start anew with `--fresh`",
        ));
    }
    for (dir, what) in damaged {
        let aside = format!("{DAMAGED}{}", durable::name(&dir));
        let to = dir.with_file_name(&aside);
        durable::remove_dir(&to)?;
        durable::rename(&dir, &to)?;
        let note = format!("`{}` is damaged ({what}); it is now `{aside}`", dir.display());
        found.notes.push(note);
    }
    Ok(found)
}

/// Reads the state of a checkpoint and checks every file of it; the inner error says what is damaged.
fn check(dir: &Path) -> Result<std::result::Result<State, String>> {
    let bytes = match fs_err::read(dir.join(STATE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err(format!("`{STATE}` is missing")));
        }
        result => result?,
    };
    let state = String::from_utf8(bytes).ok();
    let Some(state) = state.as_deref().and_then(unseal) else {
        return Ok(Err(format!("`{STATE}` is not what was written")));
    };
    let state: State = match serde_json::from_str(state) {
        Ok(state) => state,
        Err(cause) => {
            // Its hash is right, so this is no damage, and an older checkpoint would be no better.
            let what = format!("was written by another version of crossic: {cause}");
            return Err(Error::file(
                dir,
                what,
                "go on with that version, or start anew with `--fresh`",
            ));
        }
    };
    for name in [PARAMETERS, FIRST_MOMENTS, SECOND_MOMENTS] {
        let Some(sealed) = state.files.get(name) else {
            return Ok(Err(format!("`{STATE}` does not name `{name}`")));
        };
        if let Some(what) = tensors::damage(&dir.join(name), sealed)? {
            return Ok(Err(format!("`{name}` {what}")));
        }
    }
    Ok(Ok(state))
}

/// Reads the vectors of a checkpoint that has been checked.
///
/// # Errors
///
/// It is of another model, or cannot be read.
pub fn restore(run: &RunDir, step: u64, parameters: &mut [Parameter]) -> Result<Vec<Moments>> {
    restore_parameters(run, step, parameters)?;
    let dir = dir(run, step);
    let wanted = wanted(parameters);
    let Some(first) = parameters.first() else { return Ok(Vec::new()) };
    let device = first.value.device();
    let first = tensors::read(&dir.join(FIRST_MOMENTS), &wanted, &device)?;
    let second = tensors::read(&dir.join(SECOND_MOMENTS), &wanted, &device)?;
    Ok(first.into_iter().zip(second).map(|(first, second)| Moments { first, second }).collect())
}

/// Reads the parameters alone, as for the export of the best.
///
/// # Errors
///
/// The checkpoint is of another model, or cannot be read.
pub fn restore_parameters(run: &RunDir, step: u64, parameters: &mut [Parameter]) -> Result<()> {
    let Some(first) = parameters.first() else { return Ok(()) };
    let device = first.value.device();
    let values = tensors::read(&dir(run, step).join(PARAMETERS), &wanted(parameters), &device)?;
    for (parameter, value) in parameters.iter_mut().zip(values) {
        parameter.value = value;
    }
    Ok(())
}

/// Fails unless the checkpoint of a step is whole.
///
/// # Errors
///
/// It is missing or damaged.
pub fn verify(run: &RunDir, step: u64) -> Result<()> {
    let dir = dir(run, step);
    check(&dir)?.map(|_| ()).map_err(|what| {
        Error::file(&dir, format!("is damaged: {what}"), "set `choose` to \"last\", or put it back")
    })
}

fn wanted(parameters: &[Parameter]) -> Vec<(&str, &[usize])> {
    parameters.iter().map(|it| (it.name.as_str(), it.shape.as_slice())).collect()
}

/// Puts the hash of a JSON text around it; the whole is JSON too.
fn seal(text: &str) -> String {
    format!("{{\"blake3\": \"{}\", \"state\": {text}}}\n", blake3::hash(text.as_bytes()).to_hex())
}

/// Returns the text within, `None` if it is not what was sealed.
fn unseal(sealed: &str) -> Option<&str> {
    let (hash, rest) = sealed.strip_prefix("{\"blake3\": \"")?.split_once("\", \"state\": ")?;
    let text = rest.strip_suffix("}\n")?;
    (blake3::hash(text.as_bytes()).to_hex().as_str() == hash).then_some(text)
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
