//! A web server for tests: files in memory, by ranges, with the faults that real servers have.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// How a server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Every n-th answer with bytes of a file breaks off in its middle; 0 for none.
    pub(crate) drop_every: usize,
    /// So many answers are `503` before the first good one.
    pub(crate) busy: usize,
    /// Files are sent whole, whatever range is asked for.
    pub(crate) no_ranges: bool,
    /// Files have no mark of their content.
    pub(crate) no_e_tag: bool,
    /// Everything is answered with this status; 0 for none.
    pub(crate) refuse: u16,
    /// Files have another mark in every answer.
    pub(crate) changing: bool,
    /// Answers are written in pieces of so many bytes; 0 for all at once.
    pub(crate) piece: usize,
}

/// A server that runs until the test program ends.
pub(crate) struct Server {
    port: u16,
    state: Arc<State>,
}

struct State {
    files: BTreeMap<String, Vec<u8>>,
    faults: Faults,
    n_answers: AtomicUsize,
    n_dropped: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl Server {
    /// Serves files by their paths, as `enwiki/20240720/x.sql.gz`.
    pub(crate) fn start(files: BTreeMap<String, Vec<u8>>, faults: Faults) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            files,
            faults,
            n_answers: AtomicUsize::new(0),
            n_dropped: AtomicUsize::new(0),
            asked: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&serving);
                // A peer that goes away in the middle is its own affair.
                thread::spawn(move || state.serve(&stream.unwrap()).ok());
            }
        });
        Server { port, state }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Returns how many answers broke off.
    pub(crate) fn n_dropped(&self) -> usize {
        self.state.n_dropped.load(Ordering::Relaxed)
    }

    /// Returns what was asked for: method, path and range of each request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl State {
    /// Answers the requests of one connection.
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_write_timeout(Some(Duration::from_secs(60)))?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut words = line.split_whitespace();
            let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap());
            let path = path.trim_start_matches('/').to_owned();
            let mut range = None;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header)?;
                let Some((name, value)) = header.trim().split_once(':') else { break };
                if name.eq_ignore_ascii_case("range") {
                    range = Some(value.trim().to_owned());
                }
            }
            let asked = format!("{method} {path} {}", range.as_deref().unwrap_or("-"));
            self.asked.lock().unwrap().push(asked);
            if !self.answer(stream, &method, &path, range.as_deref())? {
                return Ok(());
            }
        }
    }

    /// Writes one answer; returns whether the connection goes on.
    fn answer(
        &self,
        mut stream: &TcpStream,
        method: &str,
        path: &str,
        range: Option<&str>,
    ) -> std::io::Result<bool> {
        let number = 1 + self.n_answers.fetch_add(1, Ordering::Relaxed);
        let status = match self.faults.refuse {
            0 if number <= self.faults.busy => 503,
            status => status,
        };
        if status != 0 {
            write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        if path.ends_with('/') && self.files.keys().any(|name| name.starts_with(path)) {
            return self.page(stream, path).map(|()| false);
        }
        let Some(file) = self.files.get(path) else {
            write!(stream, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        };
        let mark = match (self.faults.no_e_tag, self.faults.changing) {
            (true, _) => String::new(),
            (_, true) => format!("ETag: \"{number}\"\r\n"),
            _ => format!("ETag: \"{}\"\r\n", file.len()),
        };
        let range = range.filter(|_| !self.faults.no_ranges);
        let bytes = match range {
            None => {
                let n_bytes = file.len();
                write!(stream, "HTTP/1.1 200 OK\r\n{mark}Content-Length: {n_bytes}\r\n\r\n")?;
                &file[..]
            }
            Some(range) => {
                let (first, last) =
                    range.strip_prefix("bytes=").and_then(|it| it.split_once('-')).unwrap();
                let first: usize = first.parse().unwrap();
                let last = last.parse::<usize>().unwrap().min(file.len() - 1);
                let (n_bytes, size) = (last + 1 - first, file.len());
                write!(
                    stream,
                    "HTTP/1.1 206 Part\r\n{mark}Content-Length: {n_bytes}\r\n\
                     Content-Range: bytes {first}-{last}/{size}\r\n\r\n"
                )?;
                &file[first..=last]
            }
        };
        if method == "HEAD" {
            return Ok(true);
        }
        if self.faults.drop_every != 0 && number.is_multiple_of(self.faults.drop_every) {
            stream.write_all(&bytes[..bytes.len() / 2])?;
            self.n_dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
        let piece = if self.faults.piece == 0 { usize::MAX } else { self.faults.piece };
        for piece in bytes.chunks(piece) {
            stream.write_all(piece)?;
        }
        Ok(true)
    }

    /// Lists a folder as nginx does: made on demand, so without a length.
    fn page(&self, mut stream: &TcpStream, folder: &str) -> std::io::Result<()> {
        let mut page = "<html><h1>Index</h1><a href=\"../\">../</a>\n".to_owned();
        for name in self.files.keys().filter_map(|name| name.strip_prefix(folder)) {
            page.push_str(&format!("<a href=\"{name}\">{name}</a>  20-Jul-2024 1K\n"));
        }
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{page}</html>")
    }
}
