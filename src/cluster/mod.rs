//! Several processes that run one plan together, and end together.
//!
//! Every process listens on one port, which the hosts file names. All others call process 0 on the
//! **control channel**: there versions, plans and workers are compared, and later failures, signs
//! of life and the end of the work are told. Once all are there, process 0 gives the run a number,
//! and each process calls all before it for the **mesh**, over which timely sends records. The
//! number keeps processes of an earlier attempt out.
//!
//! There is no recovery: whoever fails, all end with its reason, and the next build finds the work
//! that was done. Nobody waits for ever: gathering has a deadline, and after it a process that is
//! not heard of for ten seconds is lost. There is no encryption and no password: the ports belong
//! in a private network.

mod control;
mod door;
mod ending;
pub mod error;
mod hello;
pub mod hosts;
mod join;
pub mod mesh;
mod message;
mod socket;
mod state;

#[cfg(test)]
mod tests;

use std::{
    net::Shutdown,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use self::{
    error::ClusterError,
    mesh::Mesh,
    message::{MAX_TO_FIRST, Message},
    state::{Core, Phase, State},
};
use crate::error::{Error, Result};

/// How one process takes part.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the processes listen, `host:port`, in their order.
    pub hosts: Vec<String>,
    /// The index of this process in `hosts`.
    pub process: usize,
    /// Workers of each process; the same everywhere.
    pub workers: usize,
    /// Of everything that decides what is built; the same everywhere.
    pub digest: [u8; 32],
    /// Of crossic; the same everywhere.
    pub version: String,
    /// How long to wait for the others.
    pub deadline: Duration,
    /// Whether to say on stderr who is waited for.
    pub notes: bool,
}

/// One process among all, which have found each other.
///
/// Dropped before the end, it tells the others that this process has ended.
#[derive(Debug)]
pub struct Cluster(Arc<Core>);

impl Cluster {
    /// Waits until all processes are there and agree.
    ///
    /// # Errors
    ///
    /// The index is not in the hosts file, the port is not free, a process does not come within the
    /// deadline, or one would do something else. Those that are there are told.
    pub fn join(settings: Settings) -> Result<(Cluster, Mesh)> {
        let n = settings.hosts.len();
        if n <= settings.process {
            return Err(Error::Usage {
                what: format!("there is no process {}: {n} hosts are named", settings.process),
                hint: format!("`--process` is a number from 0 to {}", n.saturating_sub(1)),
            });
        }
        // Made first: where it fails, dropping it tells those that are there.
        let cluster = Cluster(Core::new(settings));
        match join::join(&cluster.0) {
            Ok(mesh) => Ok((cluster, mesh)),
            Err(error) => Err(cluster.fail(error)),
        }
    }

    /// From now on, a failure of any process ends this one with its reason and exit code 1, at the
    /// latest a few seconds after [`Cluster::failure`] shows it; so does a panic of any thread.
    ///
    /// # Errors
    ///
    /// No thread can be had.
    pub fn end_process_on_failure(&self) -> Result<()> {
        Ok(ending::end_on_failure(&self.0).map_err(ClusterError::Setup)?)
    }

    /// Returns the first failure of any process, in words that begin with its name. Workers ask for
    /// it and stop.
    pub fn failure(&self) -> Option<String> {
        self.0.failure()
    }

    /// Returns what asks for the failure, for workers that must not own the cluster.
    pub fn watcher(&self) -> impl Fn() -> Option<String> + Clone + Send + Sync + 'static {
        let core = Arc::clone(&self.0);
        move || core.failure()
    }

    /// Tells the others that this process fails, and returns the error to end with: the given one,
    /// or that of the process which failed before.
    ///
    /// The caller must end the process soon, and leave timely's guards undropped.
    pub fn fail(&self, error: Error) -> Error {
        self.0.ending.store(true, Ordering::Release);
        let reason = match &error {
            Error::Cluster(ClusterError::Fault(_)) if self.failure().is_some() => None,
            error => Some(error.to_string()),
        };
        let first = reason.is_some_and(|reason| self.0.fault(self.0.me(), &reason));
        self.0.farewell();
        match self.failure() {
            Some(failure) if !first => ClusterError::Fault(failure).into(),
            _ => error,
        }
    }

    /// Ends the process with exit code 1, after the others were told and the reason, or that of the
    /// process which failed before, was written to stderr.
    pub fn end(&self, reason: &str) -> ! {
        self.0.fault(self.0.me(), reason);
        ending::end(&self.0)
    }

    /// Tells process 0 that this process is through with the dataflow, with what it has to report;
    /// at process 0, does nothing.
    ///
    /// # Errors
    ///
    /// A process failed, or the report is longer than 64 MiB.
    pub fn done(&self, payload: String) -> Result<()> {
        let link = self.0.lock().links.first().cloned().flatten();
        let Some(link) = link else {
            return if self.0.me() == 0 { Ok(()) } else { Err(join::failed(&self.0)) };
        };
        let message = Message::Done { payload };
        match link.send(&message) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                let n_bytes = serde_json::to_vec(&message).map_or(usize::MAX, |it| it.len());
                Err(ClusterError::TooLong { n_bytes, most: MAX_TO_FIRST }.into())
            }
            Err(error) => {
                // Its last words may be on their way still, and tell more.
                let until = Instant::now() + Duration::from_secs(1);
                let known = |state: &mut State| state.fault.is_some().then_some(());
                if self.0.wait(Some(until), known).is_none() {
                    self.0.gone(&link, &error);
                }
                Err(join::failed(&self.0))
            }
        }
    }

    /// Waits as process 0 until all others are done, and returns what they report, from process 1
    /// on; elsewhere there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// A process failed.
    pub fn wait_done(&self) -> Result<Vec<String>> {
        let me = self.0.me();
        let all = |state: &mut State| {
            if state.fault.is_some() {
                return Some(None);
            }
            if me == 0 && state.done.iter().skip(1).any(Option::is_none) {
                return None;
            }
            Some(Some(state.done.iter_mut().filter_map(Option::take).collect()))
        };
        self.0.wait(None, all).flatten().ok_or_else(|| join::failed(&self.0))
    }

    /// Tells the others as process 0 that the corpora are published. After it, nothing fails.
    pub fn published(self) {
        let links = {
            let mut state = self.0.lock();
            if state.fault.is_some() {
                return;
            }
            state.phase = Phase::Over;
            state.links.clone()
        };
        self.0.changed();
        for link in links.iter().flatten() {
            // The corpora are there, whether or not a peer hears of it.
            let _told = link.send(&Message::Published).is_ok();
        }
        self.0.farewell();
    }

    /// Waits elsewhere than at process 0 until the corpora are published, however long that takes:
    /// process 0 gives signs of life meanwhile.
    ///
    /// # Errors
    ///
    /// A process failed.
    pub fn wait_published(self) -> Result<()> {
        let published = self.0.wait(None, |state| match (state.phase, &state.fault) {
            (_, Some(_)) => Some(false),
            (Phase::Over, None) => Some(true),
            _ => None,
        });
        if published == Some(true) { Ok(()) } else { Err(join::failed(&self.0)) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.0.lock().phase != Phase::Over {
            self.0.fault(self.0.me(), "ended before the work was done");
            self.0.farewell();
        }
        self.0.over();
        for link in self.0.lock().links.iter().flatten() {
            link.hang_up(Shutdown::Both);
        }
    }
}
