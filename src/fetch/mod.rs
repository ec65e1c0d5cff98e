//! Downloads the files of dumps from a mirror of Wikimedia: what there is, and all of it, checked.

mod download;
pub mod error;
pub mod http;
mod list;
mod mirror;
mod patience;
mod progress;
mod retry_after;

use std::{
    collections::VecDeque,
    io::IsTerminal,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use object_store::HeaderValue;

use self::{
    download::{Job, Settings, download},
    error::FetchError,
    http::Client,
    list::Wanted,
    mirror::Mirror,
    progress::Progress,
};

/// Most files at once: Wikimedia asks for no more connections than that.
pub const MAX_JOBS: usize = 3;

/// Which dump of a wiki is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Date {
    /// Eight digits.
    Of(String),
    /// The newest that the mirror has of all wikis.
    Latest,
}

/// What shall be fetched, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// The wikis, as `enwiki`.
    pub wikis: Vec<String>,
    /// The date of the dumps.
    pub date: Date,
    /// Where the files go: `<dir>/<wiki>/<date>/<file>`.
    pub dir: PathBuf,
    /// The address above the directories of the wikis.
    pub mirror: String,
    /// Whom the mirror may write to about us.
    pub contact: Option<String>,
    /// Files at once, at most [`MAX_JOBS`].
    pub n_jobs: usize,
    /// Longest time without progress.
    pub deadline: Duration,
    /// Whether progress may be shown on a terminal.
    pub progress: bool,
}

/// What was fetched.
#[derive(Debug)]
pub struct Outcome {
    /// The date of the dumps, eight digits.
    pub date: String,
    /// The directory of each wiki, in the order of the wikis.
    pub dirs: Vec<PathBuf>,
    /// The files that are there with the right checksum.
    pub files: Vec<Fetched>,
    /// What ended the work before all files were there.
    pub failure: Option<FetchError>,
}

/// A file with the right checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub n_bytes: u64,
}

/// Makes a date of eight digits or the word `latest`.
///
/// # Errors
///
/// It is neither; the message says so.
pub fn parse_date(text: &str) -> Result<Date, String> {
    match text {
        "latest" => Ok(Date::Latest),
        date if list::is_date(date) => Ok(Date::Of(date.to_owned())),
        _ => Err("a date is eight digits such as 20240720, or `latest`".to_owned()),
    }
}

/// Makes the name of a wiki.
///
/// # Errors
///
/// It is no name of a wiki; the message says so.
pub fn parse_wiki(text: &str) -> Result<String, String> {
    let good = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
    // So no path and no address can be made of it.
    match text.contains("wik") && text.len() <= 64 && text.bytes().all(good) {
        true => Ok(text.to_owned()),
        false => Err("wikis are named like enwiki, thwiki, zh_min_nanwiki".to_owned()),
    }
}

/// Fetches every file of the dumps that is not there yet; `note` takes notes for the user.
///
/// # Errors
///
/// There is nothing to fetch: the mirror cannot be read, or has no such dump. What goes wrong after
/// that is part of the outcome.
pub fn fetch(order: &Order, note: &(dyn Fn(&str) + Sync)) -> Result<Outcome, FetchError> {
    let address = http::check_mirror(&order.mirror)?;
    let stop = AtomicBool::new(false);
    let shown = order.progress && std::io::stderr().is_terminal();
    let progress = Progress::new(shown);
    let note = |text: &str| progress.suspend(|| note(text));
    let settings = Settings { deadline: order.deadline, stop: &stop, note: &note };
    let agent = agent(order.contact.as_deref())?;
    let plain = address.starts_with("http://");
    let connect = || Client::new(&agent, plain, &stop).map_err(FetchError::Io);
    let client = connect()?;
    let mirror = Mirror { address: &address, client: &client, settings: &settings };
    let date = match &order.date {
        Date::Of(date) => date.clone(),
        Date::Latest => mirror.latest(&order.wikis)?,
    };
    if order.date == Date::Latest {
        note(&format!("the newest complete date is {date}"));
    }
    let mut dirs = Vec::new();
    let mut jobs = Vec::new();
    let mut measured = shown;
    for wiki in &order.wikis {
        let dir = order.dir.join(wiki).join(&date);
        for Wanted { name, sha1 } in mirror.files(wiki, &date)? {
            let url = mirror.url(wiki, &date, &name);
            let job = Job { url, path: dir.join(&name), name, sha1 };
            // Only somebody who watches wants to know how much there is before it comes, and a
            // mirror that does not say so is not asked again.
            let length = if measured { client.length(&job.url, SHORT) } else { None };
            measured &= length.is_some();
            progress.expect(length.unwrap_or(0));
            jobs.push((job, length));
        }
        dirs.push(dir);
    }
    // Its connection would count among those of the jobs.
    drop(client);
    let (files, failure) = work(jobs, order.n_jobs, connect, &settings, &progress);
    Ok(Outcome { date, dirs, files, failure })
}

/// How long to wait for what is only nice to know.
const SHORT: Duration = Duration::from_secs(5);

/// Returns how crossic introduces itself, with whom to write to, as Wikimedia asks for.
fn agent(contact: Option<&str>) -> Result<HeaderValue, FetchError> {
    let repository = match env!("CARGO_PKG_REPOSITORY") {
        "" => env!("CARGO_PKG_NAME"),
        repository => repository,
    };
    let contact = contact.map(|it| format!("; {it}")).unwrap_or_default();
    let agent = format!("crossic/{} (+{repository}{contact})", env!("CARGO_PKG_VERSION"));
    HeaderValue::from_str(&agent).map_err(|_| FetchError::Contact)
}

/// What the threads share.
struct Shared {
    left: VecDeque<(usize, Job, Option<u64>)>,
    done: Vec<(usize, Fetched)>,
    failure: Option<FetchError>,
}

/// Downloads files on some threads until all are there or one fails.
fn work<'a>(
    jobs: Vec<(Job, Option<u64>)>,
    n_jobs: usize,
    connect: impl Fn() -> Result<Client<'a>, FetchError> + Sync,
    settings: &Settings<'a>,
    progress: &Progress,
) -> (Vec<Fetched>, Option<FetchError>) {
    let n_threads = n_jobs.clamp(1, MAX_JOBS).min(jobs.len());
    let left =
        jobs.into_iter().enumerate().map(|(position, (job, length))| (position, job, length));
    let shared = Mutex::new(Shared { left: left.collect(), done: Vec::new(), failure: None });
    // A thread that panicked ends the process through the scope, so its lock hides nothing.
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let run = || -> Result<(), FetchError> {
        let client = connect()?;
        loop {
            let next = lock().left.pop_front();
            let Some((position, job, length)) = next else {
                return Ok(());
            };
            let mut bar = progress.file(&job.name, length);
            let n_bytes = download(&client, settings, &job, &mut bar)?;
            lock().done.push((position, Fetched { path: job.path, n_bytes }));
        }
    };
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                if let Err(error) = run() {
                    let mut shared = lock();
                    shared.left.clear();
                    // The first error is the reason; the others stop because of it.
                    shared.failure.get_or_insert(error);
                    settings.stop.store(true, Ordering::Relaxed);
                }
            });
        }
    });
    let Shared { mut done, failure, .. } =
        shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(position, _)| *position);
    (done.into_iter().map(|(_, fetched)| fetched).collect(), failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_wikis_and_dates() {
        for wiki in ["enwiki", "zh_min_nanwiki", "enwiktionary"] {
            assert_eq!(parse_wiki(wiki), Ok(wiki.to_owned()));
        }
        for wiki in ["", "en", "enwiki/..", "../enwiki", "ENwiki", "en-wiki", "ไทยwiki"] {
            assert!(parse_wiki(wiki).is_err(), "{wiki}");
        }
        assert_eq!(parse_date("latest"), Ok(Date::Latest));
        assert_eq!(parse_date("20240720"), Ok(Date::Of("20240720".to_owned())));
        for date in ["", "2024072", "2024-07-20", "../40720", "202407201", "newest"] {
            assert!(parse_date(date).is_err(), "{date}");
        }
    }
}
