//! A mirror for tests: an HTTP server on this machine that misbehaves as it is told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use sha1::{Digest, Sha1};

/// The file of a dump that mirrors misbehave with.
pub(crate) const ARTICLES: &str = "pages-articles-multistream.xml.bz2";

/// Returns bytes without a pattern that a shift would keep.
pub(crate) fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let next = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 32) as u8
    };
    (0..n).map(|_| next(&mut state)).collect()
}

/// Returns a dump whose articles have so many bytes.
pub(crate) fn dump(n_bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("page.sql.gz", b"page".to_vec()),
        ("langlinks.sql.gz", b"langlinks".to_vec()),
        ("redirect.sql.gz", b"redirect".to_vec()),
        ("page_props.sql.gz", Vec::new()),
        (ARTICLES, noise(n_bytes)),
        ("pages-articles-multistream-index.txt.bz2", b"index".to_vec()),
    ]
}

/// Runs these at once: each waits most of its time.
pub(crate) fn at_once(runs: &[&(dyn Fn() + Sync)]) {
    thread::scope(|scope| {
        for run in runs {
            scope.spawn(run);
        }
    });
}

/// A request, as the mirror saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The first byte of the range asked for; `None` without one.
    pub(crate) from: Option<usize>,
    pub(crate) agent: String,
    /// How many requests there were for this path before.
    pub(crate) n_before: usize,
}

/// What the mirror does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers as a good server does.
    Serve,
    /// Sends so many bytes of the answer, then closes the connection.
    Drop(usize),
    /// Sends so many bytes of the answer, then nothing more.
    Stall(usize),
    /// Sends the whole file whatever was asked for; at most so many bytes of it.
    Whole(usize),
    /// Serves these bytes instead of the file.
    Instead(Vec<u8>),
    /// Answers a status with these headers.
    Status(u16, String),
    /// Answers with a range from this byte on, whatever was asked for.
    From(usize),
    /// Sends the file without saying how long it is.
    Unmeasured,
}

type Rule = dyn Fn(&Request) -> Act + Send + Sync;

/// The mirror; it serves as long as the process lives.
pub(crate) struct Mirror {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: Mutex<Vec<Request>>,
    /// Requests without an answer, and the most there were at once.
    open: Mutex<(usize, usize)>,
    rule: Box<Rule>,
}

impl Mirror {
    /// Starts a mirror without files that acts by a rule.
    pub(crate) fn new(rule: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            files: Mutex::default(),
            requests: Mutex::default(),
            open: Mutex::default(),
            rule: Box::new(rule),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&ours);
                // A connection that the client breaks is no failure of the mirror.
                thread::spawn(move || shared.answer(stream.unwrap()).ok());
            }
        });
        Mirror { address, shared }
    }

    /// Puts a file there.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.shared.files.lock().unwrap().insert(path.to_owned(), bytes.to_owned());
    }

    /// Puts files of a dump there, by the ends of their names, with the list of their checksums.
    pub(crate) fn put_dump(&self, wiki: &str, date: &str, files: &[(&str, Vec<u8>)]) {
        let mut sums = String::new();
        for (end, bytes) in files {
            let name = format!("{wiki}-{date}-{end}");
            self.put(&format!("/{wiki}/{date}/{name}"), bytes);
            sums.push_str(&format!("{:x}  {name}\n", Sha1::digest(bytes)));
        }
        self.put(&format!("/{wiki}/{date}/{wiki}-{date}-sha1sums.txt"), sums.as_bytes());
    }

    /// Returns the requests for paths with this end, in their order.
    pub(crate) fn requests(&self, end: &str) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().filter(|it| it.path.ends_with(end)).cloned().collect()
    }

    /// Returns the most requests that were without an answer at once.
    pub(crate) fn most_open(&self) -> usize {
        self.shared.open.lock().unwrap().1
    }
}

impl Shared {
    /// Answers one request, and closes the connection.
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().unwrap()?;
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let (mut from, mut agent) = (None, String::new());
        for line in lines {
            let line = line?;
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                    let value = value.strip_prefix("bytes=").unwrap();
                    from = Some(value.trim_end_matches('-').parse().unwrap());
                }
                Some((name, value)) if name.eq_ignore_ascii_case("user-agent") => {
                    agent = value.to_owned();
                }
                Some(_) => {}
                None => break,
            }
        }
        let request = {
            let mut requests = self.requests.lock().unwrap();
            let n_before = requests.iter().filter(|it| it.path == path).count();
            let request = Request { method, path, from, agent, n_before };
            requests.push(request.clone());
            request
        };
        let count = |n: isize| {
            let mut open = self.open.lock().unwrap();
            open.0 = open.0.strict_add_signed(n);
            open.1 = open.1.max(open.0);
        };
        // Only until the answer begins: the client may be back before this thread is done.
        count(1);
        let act = (self.rule)(&request);
        count(-1);
        let file = self.files.lock().unwrap().get(&request.path).cloned();
        let bytes = match &act {
            Act::Status(status, headers) => {
                let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: 0\r\n");
                return stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
            }
            Act::Instead(bytes) => Some(bytes.clone()),
            _ => file,
        };
        let Some(bytes) = bytes else {
            let head = "HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return stream.write_all(head.as_bytes());
        };
        let total = bytes.len();
        let from = match act {
            Act::Whole(_) | Act::Unmeasured => None,
            Act::From(from) => Some(from),
            _ => request.from,
        };
        let mut head = match from {
            None => "HTTP/1.1 200 x\r\n".to_owned(),
            Some(from) if total <= from => {
                format!("HTTP/1.1 416 x\r\nContent-Range: bytes */{total}\r\n")
            }
            Some(from) => {
                format!("HTTP/1.1 206 x\r\nContent-Range: bytes {from}-{}/{total}\r\n", total - 1)
            }
        };
        let body = &bytes[from.unwrap_or(0).min(total)..];
        if !matches!(act, Act::Unmeasured) {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
        if request.method == "HEAD" {
            return Ok(());
        }
        let n_sent = match act {
            Act::Drop(n) | Act::Stall(n) | Act::Whole(n) => n.min(body.len()),
            _ => body.len(),
        };
        stream.write_all(&body[..n_sent])?;
        if let Act::Stall(_) = act {
            // Until the client goes away.
            let _n_read = stream.read(&mut [0])?;
        }
        Ok(())
    }
}
