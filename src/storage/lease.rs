//! The lock of a remote corpus: an object that its holder keeps rewriting.
//!
//! No clock of another machine is trusted: whoever wants the lock of a holder that may have died
//! watches the object, and takes it over only once it has stayed the same for a whole lease.

use std::{
    collections::hash_map::RandomState,
    env,
    hash::{BuildHasher, Hasher},
    io, process,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    error::{Fault, StorageError},
    remote::{Remote, Written},
};

/// How long a lock lasts after its holder was last heard of.
pub const LEASE: Duration = Duration::from_secs(60);

/// The name of the lock among the files of a corpus.
pub const FILE_NAME: &str = ".lock";

/// The longest lease of somebody else that is waited for.
const LONGEST: Duration = Duration::from_secs(600);

/// How many times the holder writes the object during a lease.
const N_BEATS: u32 = 6;

/// How often a lock that vanishes while it is looked at is tried for.
const N_ATTEMPTS: u32 = 5;

/// The largest lock that is read, in bytes.
const N_MOST_BYTES: u64 = 4096;

/// What the object says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    /// Machine and process, for people.
    holder: String,
    /// Tells one holder from every other.
    nonce: u64,
    /// Grows with every writing, so that the object changes.
    beat: u64,
    /// How long the claim lasts, in milliseconds: the holder's word counts, not the watcher's.
    lease_ms: u64,
}

/// A held lock; it is given back when this is dropped.
#[derive(Debug)]
pub struct Lease {
    held: Arc<Held>,
    stop: Option<Sender<()>>,
    heart: Option<JoinHandle<()>>,
}

/// What the holder and its heart share.
#[derive(Debug)]
struct Held {
    object: Remote,
    lease: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    claim: Claim,
    written: Written,
    /// When the object was last known to be ours.
    known: Instant,
    lost: bool,
}

impl Lease {
    /// Takes the lock of a folder, if need be after watching a holder that gives no sign of life
    /// for as long as its lease. Fails, naming the holder, if there is one.
    pub(super) fn take(folder: &Remote, lease: Duration) -> io::Result<Lease> {
        let object = folder.join(FILE_NAME)?;
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let claim = Claim { holder: holder(), nonce: nonce(), beat: 0, lease_ms };
        let written = claim_object(&object, &claim)?;
        let known = Instant::now();
        let state = Mutex::new(State { claim, written, known, lost: false });
        let held = Arc::new(Held { object, lease, state });
        let (stop, stopped) = channel();
        let heart = {
            let held = Arc::clone(&held);
            let beat = move || {
                while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(lease / N_BEATS) {
                    held.beat();
                }
            };
            thread::Builder::new().name("lease".to_owned()).spawn(beat)?
        };
        Ok(Lease { held, stop: Some(stop), heart: Some(heart) })
    }

    /// Fails if the lock may be somebody else's by now; to be asked before anything is replaced.
    pub fn check(&self) -> io::Result<()> {
        let state = self.held.state();
        if !state.lost && state.known.elapsed() < self.held.lease {
            return Ok(());
        }
        Err(StorageError::new(self.held.object.url(), Fault::LockLost).into())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(heart) = self.heart.take() {
            heart.join().ok();
        }
        if self.check().is_ok() {
            // If this fails the lock runs out by itself.
            self.held.object.delete().ok();
        }
    }
}

impl Held {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the object once more. A failure is tried again at the next beat.
    fn beat(&self) {
        let (mut claim, written) = {
            let state = self.state();
            if state.lost {
                return;
            }
            (state.claim.clone(), state.written.clone())
        };
        claim.beat += 1;
        let begun = Instant::now();
        let result = match self.object.put_if_unchanged(bytes(&claim), &written) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Perhaps it was our own writing, whose answer was lost.
                match read(&self.object) {
                    Ok(Some((found, written))) if found.nonce == claim.nonce => Ok(written),
                    Ok(_) => Err(true),
                    Err(_) => Err(false),
                }
            }
            Err(_) => Err(false),
            Ok(written) => Ok(written),
        };
        let mut state = self.state();
        match result {
            Ok(written) => {
                (state.claim, state.written, state.known) = (claim, written, begun);
            }
            Err(lost) => state.lost = lost,
        }
    }
}

/// Writes the first claim, over none or over one that has run out.
fn claim_object(object: &Remote, claim: &Claim) -> io::Result<Written> {
    for _ in 0..N_ATTEMPTS {
        match object.put_if_absent(bytes(claim)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result,
        }
        let Some((first, written)) = read(object)? else { continue };
        if first.nonce == claim.nonce {
            return Ok(written);
        }
        if !outlasts(object, &first)? {
            continue;
        }
        return match object.put_if_unchanged(bytes(claim), &written) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read(object)? {
                Some((found, written)) if found.nonce == claim.nonce => Ok(written),
                Some((found, _)) => Err(locked(object, &found)),
                None => Err(locked(object, &first)),
            },
            result => result,
        };
    }
    Err(StorageError::new(object.url(), Fault::Taken).into())
}

/// Watches a claim for its lease: returns true if it stays the same, false if it goes away, and fails
/// as soon as its holder is heard of.
fn outlasts(object: &Remote, first: &Claim) -> io::Result<bool> {
    let lease = Duration::from_millis(first.lease_ms).min(LONGEST);
    let begun = Instant::now();
    while begun.elapsed() < lease {
        thread::sleep(lease / N_BEATS);
        match read(object)? {
            None => return Ok(false),
            Some((found, _)) if found == *first => {}
            Some((found, _)) => return Err(locked(object, &found)),
        }
    }
    Ok(true)
}

/// Returns the claim in the object, `None` if there is no object.
fn read(object: &Remote) -> io::Result<Option<(Claim, Written)>> {
    let (bytes, written) = match object.get(N_MOST_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    // A lock that nobody can read has a holder that nobody will hear of.
    let lease_ms = LEASE.as_millis() as u64;
    let unknown = Claim { holder: "somebody unknown".to_owned(), nonce: 0, beat: 0, lease_ms };
    Ok(Some((serde_json::from_slice(&bytes).unwrap_or(unknown), written)))
}

fn bytes(claim: &Claim) -> Vec<u8> {
    serde_json::to_vec(claim).unwrap_or_else(|_| unreachable!("a claim is plain data"))
}

fn locked(object: &Remote, claim: &Claim) -> io::Error {
    let holder = claim.holder.chars().filter(|it| !it.is_control()).take(200).collect();
    StorageError::new(object.url(), Fault::Locked(holder)).into()
}

/// Returns machine and process, for people.
fn holder() -> String {
    let host = env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    let host = host.or_else(|| fs_err::read_to_string("/etc/hostname").ok());
    let host = host.unwrap_or_else(|| "an unnamed machine".to_owned());
    format!("process {} on {}", process::id(), host.trim())
}

/// Returns a number that no other holder has.
fn nonce() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(process::id());
    hasher.finish()
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
