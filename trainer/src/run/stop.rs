//! Asking a run to end: Ctrl-C, SIGTERM, or a file named `STOP` in its directory.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use super::directory::RunDir;
use crate::error::Result;

/// The file that asks a run to end.
pub const FILE: &str = "STOP";

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The file.
    File,
    /// A number of steps.
    Steps,
}

/// Whether a run has been asked to end.
#[derive(Debug)]
pub struct Stop {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
    /// Set by the first signal: the next one ends the process at once.
    armed: Arc<AtomicBool>,
    file: PathBuf,
    after: Option<u64>,
}

impl Stop {
    /// Looks for the file alone. One that an earlier run has left is removed.
    ///
    /// # Errors
    ///
    /// That file cannot be removed.
    pub fn by_file(run: &RunDir) -> Result<Stop> {
        let file = run.join(FILE);
        if file.exists() {
            fs_err::remove_file(&file)?;
        }
        Ok(Stop {
            interrupt: Arc::default(),
            terminate: Arc::default(),
            armed: Arc::default(),
            file,
            after: None,
        })
    }

    /// Listens to signals too, until this is dropped; from then on they end the process at once. To be called when
    /// the first step is near: before that there is nothing to save, and a signal had better end the process.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn by_signals(run: &RunDir) -> Result<Stop> {
        let stop = Stop::by_file(run)?;
        for (signal, asked) in [(SIGINT, &stop.interrupt), (SIGTERM, &stop.terminate)] {
            // In this order: the first signal finds the flag unset, and sets it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop.armed))?;
            flag::register(signal, Arc::clone(&stop.armed))?;
            flag::register(signal, Arc::clone(asked))?;
        }
        Ok(stop)
    }

    /// Asks for the end after so many steps of the whole run, too.
    pub fn after(mut self, steps: Option<u64>) -> Stop {
        self.after = steps;
        self
    }

    /// Returns who has asked by the time that so many steps are done, if anybody has.
    pub fn asked_at(&self, step: u64) -> Option<Asked> {
        let enough = self.after.filter(|after| *after <= step);
        self.asked().or(enough.map(|_| Asked::Steps))
    }

    /// Returns who has asked, if anybody has.
    pub fn asked(&self) -> Option<Asked> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Some(Asked::Interrupt);
        }
        if self.terminate.load(Ordering::Relaxed) {
            return Some(Asked::Terminate);
        }
        self.file.exists().then_some(Asked::File)
    }

    /// Removes the file, as the wish has been granted.
    ///
    /// # Errors
    ///
    /// It cannot be removed.
    pub fn grant(&self) -> Result<()> {
        if self.file.exists() {
            fs_err::remove_file(&self.file)?;
        }
        Ok(())
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.armed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_asks_once() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::take(dir.path()).unwrap();
        fs_err::write(run.join(FILE), b"left over").unwrap();
        let stop = Stop::by_file(&run).unwrap();
        assert_eq!(stop.asked(), None);
        fs_err::write(run.join(FILE), b"").unwrap();
        assert_eq!(stop.asked(), Some(Asked::File));
        stop.grant().unwrap();
        assert_eq!(stop.asked(), None);
    }

    #[test]
    fn a_first_signal_asks() {
        // The only test of this crate that raises a signal: a second one would end the process.
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::take(dir.path()).unwrap();
        let stop = Stop::by_signals(&run).unwrap();
        assert_eq!(stop.asked(), None);
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert_eq!(stop.asked(), Some(Asked::Terminate));
        assert!(stop.armed.load(Ordering::Relaxed));
    }
}
