//! One file: resumed after any break, checked against its SHA-1, and given its name last of all.

use std::{
    fs::TryLockError,
    io::{self, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use fs_err::File;
use sha1::{Digest, Sha1};

use super::{
    error::FetchError,
    http::{Answer, Client, Ended, Trouble},
    patience::Patience,
    progress::FileProgress,
};
use crate::io::{create_dir, sync_dir};

/// Bytes read at once when a file is hashed.
const BUFFER: usize = 1 << 20;

/// How often a pause looks up to see whether it is still wanted.
const TICK: Duration = Duration::from_millis(100);

/// Pauses shorter than this are not worth a note.
const WORTH_A_NOTE: Duration = Duration::from_secs(1);

/// A file to fetch.
pub(super) struct Job {
    /// Where it comes from.
    pub(super) url: String,
    /// Where it goes.
    pub(super) path: PathBuf,
    /// Its name.
    pub(super) name: String,
    /// Its SHA-1, 40 lower-case hexadecimal digits.
    pub(super) sha1: String,
}

/// What all downloads share.
pub(super) struct Settings<'a> {
    /// Longest time without progress.
    pub(super) deadline: Duration,
    /// Set when nobody wants the files any more.
    pub(super) stop: &'a AtomicBool,
    /// Takes notes for the user.
    pub(super) note: &'a (dyn Fn(&str) + Sync),
}

/// The unfinished file, with the hash of what it holds.
struct Part {
    file: File,
    hasher: Sha1,
    n_bytes: u64,
}

/// Fetches a file unless it is there with the right checksum; returns its size in bytes.
///
/// # Errors
///
/// The mirror does not have it or refuses, nothing comes for too long, the checksum is wrong twice,
/// or the disk refuses. What has come stays for the next run, unless its checksum is wrong.
pub(super) fn download(
    client: &Client<'_>,
    settings: &Settings<'_>,
    job: &Job,
    progress: &mut FileProgress<'_>,
) -> Result<u64, FetchError> {
    if job.path.is_file() {
        progress.say("(checking)");
        let (got, n_bytes) = hash(&mut File::open(&job.path)?, settings, progress)?;
        if hex(got) == job.sha1 {
            return Ok(n_bytes);
        }
        (settings.note)(&format!("`{}` has another checksum: fetching it again", job.name));
    }
    let path = part_path(&job.path);
    create_dir(path.parent().unwrap_or(Path::new("")))?;
    let mut again = false;
    loop {
        let mut part = open(&path, settings, progress)?;
        fill(client, settings, job, &mut part, progress)?;
        let got = hex(part.hasher);
        if got == job.sha1 {
            part.file.sync_all()?;
            fs_err::rename(&path, &job.path)?;
            sync_dir(&job.path)?;
            return Ok(part.n_bytes);
        }
        fs_err::remove_file(&path)?;
        if again {
            let (name, expected) = (job.name.clone(), job.sha1.clone());
            return Err(FetchError::Checksum { name, expected, got });
        }
        (settings.note)(&format!("`{}` came with a wrong checksum: once more", job.name));
        again = true;
    }
}

/// Returns the name of a file that is not whole yet.
fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Opens the unfinished file, for this process alone, and hashes what it holds.
fn open(
    path: &Path,
    settings: &Settings<'_>,
    progress: &mut FileProgress<'_>,
) -> Result<Part, FetchError> {
    let mut options = fs_err::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
    if !file.metadata()?.is_file() {
        // Whatever else it is, such as a pipe, may have no end.
        let message = format!("`{}` is no regular file", path.display());
        return Err(io::Error::other(message).into());
    }
    match file.file().try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(FetchError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(cause)) => {
            let message = format!("cannot lock `{}`: {cause}", path.display());
            return Err(io::Error::new(cause.kind(), message).into());
        }
    }
    // Whoever had the lock before may have given the file its final name since it was opened.
    let there = fs_err::metadata(path).ok();
    let ours = file.metadata()?;
    if there.is_none_or(|it| (it.dev(), it.ino()) != (ours.dev(), ours.ino())) {
        return Err(FetchError::Busy { path: path.to_owned() });
    }
    let mut part = Part { file, hasher: Sha1::new(), n_bytes: 0 };
    progress.say("(checking what is here)");
    (part.hasher, part.n_bytes) = hash(&mut part.file, settings, progress)?;
    progress.say("");
    progress.start();
    Ok(part)
}

/// Hashes what is left of a file; returns how many bytes that were.
fn hash(
    file: &mut File,
    settings: &Settings<'_>,
    progress: &mut FileProgress<'_>,
) -> Result<(Sha1, u64), FetchError> {
    let (mut hasher, mut n_bytes) = (Sha1::new(), 0);
    let mut buffer = vec![0; BUFFER];
    loop {
        if settings.stop.load(Ordering::Relaxed) {
            return Err(FetchError::Stopped);
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher, n_bytes)),
            Ok(n) => {
                hasher.update(buffer.get(..n).unwrap_or_default());
                n_bytes += n as u64;
                progress.set(n_bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn hex(hasher: Sha1) -> String {
    format!("{:x}", hasher.finalize())
}

impl Part {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hasher = Sha1::new();
        self.n_bytes = 0;
        Ok(())
    }
}

/// Downloads what the unfinished file lacks, over as many connections as that takes.
fn fill(
    client: &Client<'_>,
    settings: &Settings<'_>,
    job: &Job,
    part: &mut Part,
    progress: &mut FileProgress<'_>,
) -> Result<(), FetchError> {
    let mut patience = Patience::new(settings.deadline);
    // Bytes that come a second time are no progress, or a server that always begins anew and
    // always breaks would keep us for ever.
    let mut furthest = part.n_bytes;
    loop {
        let trouble = match client.get(&job.url, part.n_bytes, patience.silence()) {
            Err(trouble) => trouble,
            Ok(answer) => match length(&answer, &job.url, part)? {
                Body::Whole => return Ok(()),
                Body::Unusable(trouble) => trouble,
                Body::Rest(length) => {
                    if let Some(n_bytes) = length {
                        progress.set_length(n_bytes);
                    }
                    let ended = client.read(answer, patience.silence(), |bytes| {
                        part.push(bytes)?;
                        progress.set(part.n_bytes);
                        if furthest < part.n_bytes {
                            furthest = part.n_bytes;
                            patience.renew();
                        }
                        Ok(())
                    });
                    match ended {
                        Ok(()) if length.is_none_or(|it| it <= part.n_bytes) => return Ok(()),
                        Ok(()) => Trouble::Short,
                        Err(Ended::Trouble(trouble)) => trouble,
                        Err(Ended::Taker(error)) => return Err(FetchError::Io(error)),
                    }
                }
            },
        };
        pause(settings, &mut patience, &job.url, trouble)?;
    }
}

/// What the head of an answer says of its body.
enum Body {
    /// The unfinished file has all there is.
    Whole,
    /// It goes on where the unfinished file ends, up to this length of the whole, if it is known.
    Rest(Option<u64>),
    /// It is of no use; ask again.
    Unusable(Trouble),
}

/// Reads the head of an answer; empties the unfinished file if what follows is the beginning.
fn length(answer: &Answer, url: &str, part: &mut Part) -> Result<Body, FetchError> {
    match answer.status {
        200 => {
            if part.n_bytes != 0 {
                part.restart()?;
            }
            Ok(Body::Rest(answer.length))
        }
        206 if answer.first == Some(part.n_bytes) => {
            let rest = answer.length.map(|it| it.saturating_add(part.n_bytes));
            Ok(Body::Rest(answer.total.or(rest)))
        }
        416 if part.n_bytes != 0 && answer.total == Some(part.n_bytes) => Ok(Body::Whole),
        // What is here is longer than the file or the server is confused about ranges: without one
        // it has to begin at the beginning.
        206 | 416 if part.n_bytes != 0 => {
            part.restart()?;
            Ok(Body::Unusable(Trouble::Range))
        }
        status => refusal(status, answer.wait, url).map(Body::Unusable),
    }
}

/// Returns the trouble that a status means, or the error if asking again would not help.
pub(super) fn refusal(
    status: u16,
    wait: Option<Duration>,
    url: &str,
) -> Result<Trouble, FetchError> {
    let url = url.to_owned();
    match status {
        404 | 410 => Err(FetchError::NotFound {
            url,
            hint: "dumps are removed after some months: see which dates the mirror still has, or \
                   take `--date latest`"
                .to_owned(),
        }),
        408 | 425 | 429 | 500..=599 => Ok(Trouble::Status { status, wait }),
        _ => Err(FetchError::Refused { url, status }),
    }
}

/// Waits before the next try.
///
/// # Errors
///
/// The patience is at its end, or nobody wants the file any more.
pub(super) fn pause(
    settings: &Settings<'_>,
    patience: &mut Patience,
    url: &str,
    trouble: Trouble,
) -> Result<(), FetchError> {
    let asked = match &trouble {
        Trouble::Stopped => return Err(FetchError::Stopped),
        Trouble::Status { wait, .. } => *wait,
        _ => None,
    };
    let url = url.to_owned();
    let Some(pause) = patience.pause(asked) else {
        return Err(match trouble {
            Trouble::Status { status, wait: Some(wait) } if settings.deadline <= wait => {
                FetchError::AskedToWait { url, status, wait }
            }
            trouble => FetchError::GaveUp { url, waited: patience.waited(), trouble },
        });
    };
    if WORTH_A_NOTE <= pause {
        (settings.note)(&format!("`{url}`: {trouble}; trying again in {} s", pause.as_secs()));
    }
    let start = Instant::now();
    while start.elapsed() < pause {
        if settings.stop.load(Ordering::Relaxed) {
            return Err(FetchError::Stopped);
        }
        thread::sleep(TICK.min(pause.saturating_sub(start.elapsed())));
    }
    Ok(())
}
