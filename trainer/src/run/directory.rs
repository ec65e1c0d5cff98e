//! The run directory: one trainer's at a time, and nobody else's files.

use std::{
    fs::TryLockError,
    path::{Path, PathBuf},
    time::{Instant, UNIX_EPOCH},
};

use super::durable;
use crate::error::{Error, Result};

/// Any of these shows that a directory is a run's.
const OURS: [&str; 3] = [LOCK, "checkpoints", "metrics.jsonl"];

/// The lock file.
const LOCK: &str = ".lock";

/// What a run makes besides the adapter; a fresh run starts without them.
const MADE: [&str; 7] = [
    "metrics.jsonl",
    "trainer_state.json",
    "curve.svg",
    "report.html",
    "report.md",
    "checkpoints.json",
    "not-finite.json",
];

/// A run directory, held until this is dropped.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Seconds of the Unix epoch at which the lock was taken.
    begun: f64,
    since: Instant,
    #[expect(dead_code, reason = "held, not read")]
    lock: std::fs::File,
}

impl RunDir {
    /// Makes the directory if it is missing, takes it, and removes what a killed run left unfinished.
    ///
    /// # Errors
    ///
    /// It holds files but no run, another trainer works in it, or it cannot be written.
    pub fn take(path: &Path) -> Result<RunDir> {
        durable::create_dir(path)?;
        // First of all without the lock, whose file has no place in the directory of somebody else.
        ours(path)?;
        let lock_path = path.join(LOCK);
        let file = fs_err::File::create(&lock_path)?;
        let lock = file.into_parts().0;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(cause)) => {
                return Err(Error::file(&lock_path, format!("cannot be locked: {cause}"), ""));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::file(
                    path,
                    "is being written by another training run",
                    "wait for it, or set another `dir` in `[train]`",
                ));
            }
        }
        durable::remove_leftovers(path)?;
        durable::remove_leftovers(&path.join("checkpoints"))?;
        // The clock of the file system: it reaches logs alone.
        let begun = fs_err::metadata(&lock_path)?.modified().ok();
        let begun = begun.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
        let begun = begun.map_or(0.0, |it| it.as_secs_f64());
        Ok(RunDir { path: path.to_owned(), begun, since: Instant::now(), lock })
    }

    /// Returns the path of something in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the seconds of the Unix epoch, for logs alone.
    pub fn now(&self) -> f64 {
        self.begun + self.since.elapsed().as_secs_f64()
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes all that earlier runs have left here but the adapter.
    ///
    /// # Errors
    ///
    /// Something cannot be removed.
    pub fn clear(&self) -> Result<()> {
        durable::remove_dir(&self.join("checkpoints"))?;
        for path in durable::list(&self.path)? {
            let name = durable::name(&path);
            if MADE.contains(&name.as_str()) || super::events::is_events(&name) {
                fs_err::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// Refuses a directory that holds something, but nothing of a run.
fn ours(dir: &Path) -> Result<()> {
    let names: Vec<String> = durable::list(dir)?.iter().map(|it| durable::name(it)).collect();
    let foreign = names.iter().find(|it| !it.starts_with(durable::ASIDE));
    // A corpus directory has a lock of that name too.
    let is_corpus = names.iter().any(|it| it == "manifest.json");
    match foreign {
        Some(name) if is_corpus || !names.iter().any(|it| OURS.contains(&it.as_str())) => {
            Err(Error::file(
                dir,
                format!("is not the directory of a training run: it holds `{name}`"),
                "set `dir` in `[train]` to a directory of its own",
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_do_not_share_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs/a");
        let held = RunDir::take(&path).unwrap();
        let error = RunDir::take(&path).unwrap_err();
        assert!(error.to_string().contains("another training run"), "{error}");
        assert!(error.hint().unwrap().contains("`dir`"));
        assert!(1.7e9 < held.now());
        drop(held);
        RunDir::take(&path).unwrap();
    }

    #[test]
    fn foreign_directories_are_refused_and_left_as_they_are() {
        for name in ["thesis.tex", "manifest.json"] {
            let dir = tempfile::tempdir().unwrap();
            fs_err::write(dir.path().join(name), b"").unwrap();
            let error = RunDir::take(dir.path()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(durable::list(dir.path()).unwrap(), [dir.path().join(name)]);
        }
        let dir = tempfile::tempdir().unwrap();
        for name in [".lock", "manifest.json"] {
            fs_err::write(dir.path().join(name), b"").unwrap();
        }
        RunDir::take(dir.path()).unwrap_err();
    }

    #[test]
    fn a_fresh_run_starts_without_the_records_of_the_last_but_leaves_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::take(dir.path()).unwrap();
        fs_err::create_dir_all(run.join("checkpoints/step-000001")).unwrap();
        let names = ["metrics.jsonl", "events.out.tfevents.1.crossic", "notes.txt"];
        for name in names {
            fs_err::write(run.join(name), b"").unwrap();
        }
        run.clear().unwrap();
        let left: Vec<_> = durable::list(dir.path()).unwrap();
        assert_eq!(left, [run.join(".lock"), run.join("notes.txt")]);
    }
}
