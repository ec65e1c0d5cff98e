//! What the threads of one process share: who is connected, who failed, how far the run is.
//!
//! All of it is behind one lock, and nothing is sent under it: a peer that does not read must not
//! keep this process from seeing another one fail.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    Settings,
    hello::{Common, Hello, Kind, tame},
    message::{MAX_FROM_FIRST, MAX_TO_FIRST, Message},
};

/// A peer that is not heard of for so long is lost.
const SILENCE: Duration = Duration::from_secs(10);

/// Longest deadline: a year, so that the clock can be counted up to it.
const MAX_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Longest wait for the others to hear why this process ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Processes are still missing.
    Gathering,
    /// All are there: they connect to each other, and then run.
    Running,
    /// Published, or given up: what others do is no concern any more.
    Over,
}

/// The control channel to one process.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) process: usize,
    stream: TcpStream,
    /// Whoever sends holds it, so that messages do not mix.
    turn: Mutex<()>,
}

impl Link {
    pub(super) fn new(process: usize, stream: TcpStream) -> Arc<Link> {
        Arc::new(Link { process, stream, turn: Mutex::new(()) })
    }

    /// Keeps others from sending as long as the result is held.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        unpoisoned(self.turn.lock())
    }

    /// Sends a message. An error means that the peer is gone, which the reader finds out too.
    pub(super) fn send(&self, message: &Message) -> io::Result<()> {
        let _turn = self.turn();
        message.send(&self.stream, most_to(self.process))
    }

    /// Closes the connection, or only this side of it, even while somebody sends.
    pub(super) fn hang_up(&self, how: Shutdown) {
        // Where it fails, the connection is closed already.
        let _closed = self.stream.shutdown(how).is_ok();
    }
}

/// Returns the greatest length of a message to a process.
pub(super) fn most_to(process: usize) -> usize {
    if process == 0 { MAX_TO_FIRST } else { MAX_FROM_FIRST }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// The first failure; what comes after it is a consequence.
    pub(super) fault: Option<(usize, String)>,
    /// Whether the others were told of it, as far as they can be.
    told: bool,
    /// Control channels: at process 0 to all others, elsewhere to process 0.
    pub(super) links: Vec<Option<Arc<Link>>>,
    /// Processes that have called and were answered.
    pub(super) answered: BTreeSet<usize>,
    pub(super) session: Option<u64>,
    pub(super) mesh: Vec<Option<TcpStream>>,
    /// What the others have reported, at process 0.
    pub(super) done: Vec<Option<String>>,
}

impl State {
    /// Takes out a link that is closed; returns whether it was in.
    fn forget(&mut self, link: &Arc<Link>) -> bool {
        let place = self.links.get_mut(link.process);
        place.and_then(|it| it.take_if(|it| Arc::ptr_eq(it, link))).is_some()
    }
}

/// What the threads of one process share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) settings: Settings,
    pub(super) silence: Duration,
    state: Mutex<State>,
    changed: Condvar,
    /// Like `state.fault`, for workers that ask often.
    failed: AtomicBool,
    /// Whether somebody has undertaken to end the process and to say why.
    pub(super) ending: AtomicBool,
}

impl Core {
    pub(super) fn new(mut settings: Settings) -> Arc<Core> {
        let n = settings.hosts.len();
        settings.deadline = settings.deadline.min(MAX_DEADLINE);
        Arc::new(Core {
            silence: SILENCE.min(settings.deadline).max(Duration::from_secs(1)),
            state: Mutex::new(State {
                phase: Phase::Gathering,
                fault: None,
                told: false,
                links: (0..n).map(|_| None).collect(),
                answered: BTreeSet::new(),
                session: None,
                mesh: (0..n).map(|_| None).collect(),
                done: vec![None; n],
            }),
            settings,
            changed: Condvar::new(),
            failed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        })
    }

    pub(super) fn me(&self) -> usize {
        self.settings.process
    }

    pub(super) fn processes(&self) -> usize {
        self.settings.hosts.len()
    }

    /// Returns how a process is called in messages: index and address.
    pub(super) fn name(&self, process: usize) -> String {
        match self.settings.hosts.get(process) {
            Some(host) => format!("process {process} ({host})"),
            None => format!("process {process} (not in the hosts file)"),
        }
    }

    /// Returns the names of processes as a list.
    pub(super) fn names(&self, processes: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<String> = processes.into_iter().map(|it| self.name(it)).collect();
        names.join(", ")
    }

    /// Writes a note to stderr, unless notes are not wanted.
    pub(super) fn note(&self, what: &str) {
        if self.settings.notes {
            say(what);
        }
    }

    /// Returns what this process says first on a connection.
    pub(super) fn hello(&self, kind: Kind, to: usize, session: Option<u64>) -> Hello {
        let common = self.common();
        Hello { kind, from: self.me(), to, common, session, refusal: None }
    }

    pub(super) fn common(&self) -> Common {
        Common {
            version: self.settings.version.clone(),
            digest: blake3::Hash::from_bytes(self.settings.digest).to_hex().to_string(),
            processes: self.processes(),
            workers: self.settings.workers,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }

    /// Wakes all that wait, after a change.
    pub(super) fn changed(&self) {
        self.changed.notify_all();
    }

    /// Waits until there is something to see; `None` when the time is over.
    pub(super) fn wait<T>(
        &self,
        until: Option<Instant>,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(seen) = look(&mut state) {
                return Some(seen);
            }
            state = match until {
                None => unpoisoned(self.changed.wait(state)),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    unpoisoned(self.changed.wait_timeout(state, left)).0
                }
            };
        }
    }

    /// Returns the first failure in words that begin with the process that failed.
    pub(super) fn failure(&self) -> Option<String> {
        if !self.failed.load(Ordering::Acquire) {
            return None;
        }
        self.lock().fault.as_ref().map(|(process, reason)| self.words(*process, reason))
    }

    pub(super) fn words(&self, process: usize, reason: &str) -> String {
        format!("{}: {reason}", self.name(process))
    }

    /// Keeps a failure and tells the others, unless one is known already or the run is over.
    ///
    /// Returns whether it is the first.
    pub(super) fn fault(&self, process: usize, reason: &str) -> bool {
        let links = {
            let mut state = self.lock();
            if state.phase == Phase::Over || state.fault.is_some() {
                return false;
            }
            state.fault = Some((process, tame(reason)));
            self.failed.store(true, Ordering::Release);
            state.links.clone()
        };
        self.changed();
        let failed = Message::Failed { process, reason: tame(reason) };
        for link in links.iter().flatten() {
            // A peer that cannot be told is gone, or will find this process gone.
            let _told = link.send(&failed).is_ok();
        }
        self.lock().told = true;
        self.changed();
        true
    }

    /// Takes in what a peer said on the control channel.
    pub(super) fn hear(&self, from: usize, message: Message) {
        let first = self.me() == 0;
        match message {
            Message::Heartbeat => {}
            Message::Failed { process, reason } if process < self.processes() => {
                self.fault(process, &reason);
            }
            Message::Done { payload } if first => {
                let mut state = self.lock();
                if let Some(done) = state.done.get_mut(from) {
                    *done = Some(payload);
                }
                drop(state);
                self.changed();
            }
            Message::Waiting { processes } if !first => {
                self.note(&format!("waiting for {}", self.names(processes)));
            }
            Message::Meet { session } if !first => {
                let mut state = self.lock();
                state.session = Some(session);
                state.phase = Phase::Running;
                drop(state);
                self.changed();
            }
            Message::Published if !first => self.over(),
            _ => {
                self.fault(from, "does not keep to the protocol");
            }
        }
    }

    /// Takes in that the control channel to a peer is closed, or silent for too long.
    pub(super) fn gone(&self, link: &Arc<Link>, cause: &io::Error) {
        let comes_back = {
            let state = &mut *self.lock();
            let gathering = state.phase == Phase::Gathering && state.fault.is_none();
            // In one step with the question: process 0 may open the run at any moment.
            self.me() == 0 && gathering && state.forget(link)
        };
        if comes_back {
            // Nothing has begun: whoever started it may start it again.
            self.note(&format!("{} has left before all were there", self.name(link.process)));
        } else {
            let reason = match cause.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    let seconds = self.silence.as_secs_f32();
                    format!("not heard of for {seconds} s: stopped, or cut off from the network")
                }
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => "ended without a word: was it killed?".to_owned(),
                _ => format!("the connection to it broke: {cause}"),
            };
            // Told to the lost one too: it may wake up and ask itself what has happened.
            self.fault(link.process, &reason);
        }
        self.lock().forget(link);
        self.changed();
    }

    /// Ends all concern for the others.
    pub(super) fn over(&self) {
        self.lock().phase = Phase::Over;
        self.changed();
    }

    /// Gives the others a moment to hear the last words, until they hang up.
    pub(super) fn farewell(&self) {
        let until = Instant::now() + FAREWELL;
        // The last words may be another thread's, which has not come to the end of them.
        let told = |state: &mut State| (state.told || state.fault.is_none()).then_some(());
        let _told = self.wait(Some(until), told);
        self.lock().links.iter().flatten().for_each(|link| link.hang_up(Shutdown::Write));
        let all_left = |state: &mut State| state.links.iter().all(Option::is_none).then_some(());
        // Who does not hang up in time is told by the closed connection.
        let _left = self.wait(Some(until), all_left);
    }
}

/// Writes a line to stderr; where that cannot be written, nobody reads it.
pub(super) fn say(what: &str) {
    let _written = writeln!(io::stderr().lock(), "{what}").is_ok();
}

/// A panic of another thread leaves nothing half-done here: every change under the lock is one step.
fn unpoisoned<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
