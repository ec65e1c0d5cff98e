//! Plain GET requests over HTTP, each wait with an end: status, ranges and bodies as they come.
//!
//! The client is the one of `object_store`, below its stores: those hide `Retry-After` and take an
//! answer without the range they asked for as an error.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use object_store::{
    ClientOptions, HeaderValue,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
        HttpResponse, HttpResponseBody, ReqwestConnector,
    },
};
use tokio::{runtime::Runtime, time::timeout};

use super::{error::FetchError, retry_after};

/// How often a wait looks up to see whether it is still wanted.
const TICK: Duration = Duration::from_millis(200);

/// Why a request or its body came to no end; asking again may help.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The server is busy, or broken for now.
    #[error("the mirror answered {status}")]
    Status {
        /// The status of HTTP.
        status: u16,
        /// How long it asks us to wait.
        wait: Option<Duration>,
    },
    /// Nothing came for this long.
    #[error("nothing came for {:.1} s", .0.as_secs_f64())]
    Silence(Duration),
    /// The connection could not be made, or broke.
    #[error("the connection failed: {}", causes(.0))]
    Connection(HttpError),
    /// The body ended before the length that the head had said.
    #[error("the mirror ended the file too early")]
    Short,
    /// The answer is another part of the file than we asked for.
    #[error("the mirror answered with another range")]
    Range,
    /// Nobody wants it any more.
    #[error("stopped")]
    Stopped,
}

/// Returns an error and its causes in one line: those of HTTP say the least on top.
fn causes(error: &HttpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// What ended the reading of a body too early.
#[derive(Debug)]
pub(super) enum Ended<E> {
    /// The network.
    Trouble(Trouble),
    /// Whoever took the bytes.
    Taker(E),
}

/// A client with one connection.
pub(super) struct Client<'a> {
    /// There until the client is dropped.
    runtime: Option<Runtime>,
    client: HttpClient,
    stop: &'a AtomicBool,
}

/// The head of an answer, with the body still to come.
pub(super) struct Answer {
    /// The status of HTTP.
    pub(super) status: u16,
    /// The bytes that follow, if the server says so.
    pub(super) length: Option<u64>,
    /// The first byte of the range that follows, in an answer with one.
    pub(super) first: Option<u64>,
    /// The bytes of the whole file, in an answer with a range.
    pub(super) total: Option<u64>,
    /// How long the server asks us to wait.
    pub(super) wait: Option<Duration>,
    body: HttpResponseBody,
}

impl<'a> Client<'a> {
    /// Makes a client that introduces itself as `agent`, whose waits end soon after `stop` is set.
    ///
    /// Addresses without encryption, redirects included, are taken only if `plain` says so.
    ///
    /// # Errors
    ///
    /// The operating system grants no event queue or no certificates.
    pub(super) fn new(
        agent: &HeaderValue,
        plain: bool,
        stop: &'a AtomicBool,
    ) -> io::Result<Client<'a>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = ClientOptions::new()
            .with_user_agent(agent.clone())
            .with_allow_http(plain)
            .with_http1_only()
            .with_timeout_disabled()
            .with_connect_timeout_disabled()
            .with_pool_max_idle_per_host(1);
        let client = ReqwestConnector::default().connect(&options).map_err(io::Error::other)?;
        Ok(Client { runtime: Some(runtime), client, stop })
    }

    /// Asks for a file from a byte on; the head of the answer must come within `silence`.
    pub(super) fn get(&self, url: &str, from: u64, silence: Duration) -> Result<Answer, Trouble> {
        self.send(false, url, from, silence)
    }

    /// Asks how long a file is, once; `None` if there is no answer to that.
    pub(super) fn length(&self, url: &str, silence: Duration) -> Option<u64> {
        let answer = self.send(true, url, 0, silence).ok()?;
        answer.length.filter(|_| answer.status == 200)
    }

    fn send(
        &self,
        head_only: bool,
        url: &str,
        from: u64,
        silence: Duration,
    ) -> Result<Answer, Trouble> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        // Addresses are put together of a checked mirror and checked names, so this one is good.
        *request.uri_mut() = url
            .parse()
            .map_err(|error| Trouble::Connection(HttpError::new(HttpErrorKind::Request, error)))?;
        // The type of a method has no name here, so it is had from its text.
        if let (true, Ok(method)) = (head_only, "HEAD".parse()) {
            *request.method_mut() = method;
        }
        if from != 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={from}-"))
        {
            request.headers_mut().insert("range", range);
        }
        let answer = self.wait(silence, self.client.execute(request))?;
        Ok(Answer::new(answer.map_err(Trouble::Connection)?))
    }

    /// Reads a body to its end, chunk by chunk; each must come within `silence`.
    pub(super) fn read<E>(
        &self,
        answer: Answer,
        silence: Duration,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), Ended<E>> {
        let mut chunks = answer.body.bytes_stream();
        loop {
            let next = poll_fn(|context| chunks.as_mut().poll_next(context));
            match self.wait(silence, next).map_err(Ended::Trouble)? {
                None => return Ok(()),
                Some(Ok(chunk)) => take(&chunk).map_err(Ended::Taker)?,
                Some(Err(error)) => return Err(Ended::Trouble(Trouble::Connection(error))),
            }
        }
    }

    /// Runs the network until `future` is there.
    fn wait<T>(&self, silence: Duration, future: impl Future<Output = T>) -> Result<T, Trouble> {
        let start = Instant::now();
        let runtime = self.runtime.as_ref().ok_or(Trouble::Stopped)?;
        runtime.block_on(async {
            let mut future = pin!(future);
            loop {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(Trouble::Stopped);
                }
                let left = silence.saturating_sub(start.elapsed());
                match timeout(TICK.min(left), &mut future).await {
                    Ok(output) => return Ok(output),
                    Err(_) if left.is_zero() => return Err(Trouble::Silence(silence)),
                    Err(_) => {}
                }
            }
        })
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // Otherwise a search for the address of a host, which cannot be broken off, is waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Answer {
    fn new(answer: HttpResponse) -> Answer {
        let (head, body) = answer.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok());
        let (first, total) = header("content-range").map(range).unwrap_or_default();
        let wait = header("retry-after").and_then(|it| retry_after::parse(it, header("date")));
        Answer {
            status: head.status.as_u16(),
            length: header("content-length").and_then(|it| it.trim().parse().ok()),
            first,
            total,
            wait,
            body,
        }
    }
}

/// Takes `bytes 7-99/100` apart: the first byte and the bytes of the whole file.
fn range(text: &str) -> (Option<u64>, Option<u64>) {
    let Some((range, total)) = text.trim().strip_prefix("bytes ").and_then(|it| it.split_once('/'))
    else {
        return (None, None);
    };
    let first = range.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
    (first, total.trim().parse().ok())
}

/// Returns the address without a slash at its end, if it is one of a mirror.
///
/// # Errors
///
/// It is no address of HTTP, or has a part that no mirror has.
pub(super) fn check_mirror(mirror: &str) -> Result<String, FetchError> {
    let refuse =
        |what: &str| FetchError::Mirror { mirror: mirror.to_owned(), what: what.to_owned() };
    let address = mirror.trim_end_matches('/');
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return Err(refuse("it begins with neither https:// nor http://"));
    }
    if address.contains(['?', '#']) || !address.bytes().all(|it| it.is_ascii_graphic()) {
        return Err(refuse("it has a character that has no place there"));
    }
    // The client panics on addresses that its own parser refuses, and requests have another parser.
    let known = object_store::http::HttpBuilder::new().with_url(address).build();
    known.map_err(|error| refuse(&error.to_string()))?;
    *HttpRequest::new(HttpRequestBody::empty()).uri_mut() =
        address.parse().map_err(|_| refuse("it cannot be read"))?;
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(range("bytes 7-99/100"), (Some(7), Some(100)));
        assert_eq!(range("bytes 7-99/*"), (Some(7), None));
        assert_eq!(range("bytes */100"), (None, Some(100)));
        assert_eq!(range("lines 7-99/100"), (None, None));
        assert_eq!(range(""), (None, None));
    }

    #[test]
    fn addresses_of_mirrors() {
        for (mirror, expected) in [
            ("https://dumps.wikimedia.org/", "https://dumps.wikimedia.org"),
            ("http://127.0.0.1:80/a/b", "http://127.0.0.1:80/a/b"),
        ] {
            assert_eq!(check_mirror(mirror).unwrap(), expected);
        }
        let wrong = ["", "dumps.wikimedia.org", "ftp://a", "http://", "http://a b", "http://a?b"];
        for mirror in wrong.into_iter().chain(["http://a%zz", "http://[1", "http://a:99999"]) {
            assert!(check_mirror(mirror).is_err(), "{mirror}");
        }
    }
}
