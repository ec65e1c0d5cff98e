//! Dumps read by URL, from a web server that fails as web servers do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    io::{Read, Seek, SeekFrom},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use crossic::storage;

mod common_crossic;
mod common_web;
use common_crossic::{DATE, Folder, Ran, assert_same_files, files, repository};
use common_web::{Faults, Server};

/// The longest that a test may take; every wait of crossic is shorter.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs a test on a thread of its own, so that it cannot hang.
fn within<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let running = thread::spawn(move || sender.send(run()).unwrap());
    match receiver.recv_timeout(LONGEST) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(running.join().unwrap_err())
        }
    }
}

/// Returns the sample dumps of two wikis by their paths on a server.
fn samples() -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for wiki in ["enwiki", "thwiki"] {
        for (name, bytes) in files(&repository("data-samples").join(wiki).join(DATE)) {
            all.insert(format!("{wiki}/{DATE}/{name}"), bytes);
        }
    }
    all
}

/// Builds the usual pipeline over the dumps of a server.
fn build(folder: &Folder, server: &Server, workers: &str) -> Ran {
    for (wiki, slash) in [("enwiki", "/"), ("thwiki", "")] {
        let url = server.url(&format!("{wiki}/{DATE}{slash}"));
        folder.edit(&format!("dumps/{wiki}"), &url);
    }
    let mut command = folder.command(&["run", "pipeline.toml", "--workers", workers]);
    command.env("NO_PROXY", "127.0.0.1").output().unwrap().into()
}

/// Checks that the corpus of a server's dumps is the one of the local dumps.
fn check_same(faults: Faults, workers: &'static str) -> Server {
    within(move || {
        let local = Folder::new();
        local.build(&[]).done();
        let server = Server::start(samples(), faults);
        let remote = Folder::empty();
        build(&remote, &server, workers).done();
        assert_same_files(&local.path("out"), &remote.path("out"));
        server
    })
}

#[test]
fn a_corpus_built_from_urls_is_the_one_built_from_paths() {
    let server = check_same(Faults::default(), "2");
    let asked = server.asked();
    assert!(asked.iter().any(|it| it.starts_with(&format!("GET enwiki/{DATE}/ "))), "{asked:?}");
    assert!(
        asked.iter().all(|it| it.starts_with("HEAD") || it.contains("/ ") || !it.ends_with('-'))
    );
}

#[test]
fn lost_connections_and_busy_servers_do_not_show() {
    let faults = Faults { drop_every: 3, busy: 1, piece: 1000, ..Faults::default() };
    assert!(0 < check_same(faults, "1").n_dropped());
    let faults = Faults { drop_every: 3, no_e_tag: true, ..Faults::default() };
    assert!(0 < check_same(faults, "2").n_dropped());
}

/// Returns what a plan says.
fn plan(folder: &Folder) -> String {
    let mut command = folder.command(&["plan", "pipeline.toml"]);
    Ran::from(command.env("NO_PROXY", "127.0.0.1").output().unwrap()).done()
}

#[test]
fn a_plan_of_urls_is_the_one_of_paths() {
    within(|| {
        let local = Folder::new();
        let server = Server::start(samples(), Faults::default());
        let remote = Folder::empty();
        build(&remote, &server, "1").done();
        fs_err::rename(remote.path("out"), remote.path("later")).unwrap();
        let of_urls = plan(&remote);
        assert!(of_urls.contains("  skips  about "), "{of_urls}");
        assert_eq!(of_urls, plan(&local));
        // After a build, the starts of the streams are looked at, and of those few bytes each.
        fs_err::rename(remote.path("later"), remote.path("out")).unwrap();
        local.build(&[]).done();
        let n_before = server.asked().len();
        let of_urls = plan(&remote);
        assert!(of_urls.contains("  hint   "), "{of_urls}");
        assert_eq!(of_urls, plan(&local));
        let asked = server.asked();
        assert!(asked[n_before..].iter().any(|it| length(it) == Some(14)), "{asked:?}");
    });
}

/// Returns bytes without a pattern that a wrong offset could hide in.
fn noise(n_bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..n_bytes).map(|_| next()).collect()
}

#[test]
fn a_large_file_is_read_in_bounded_ranges_from_anywhere() {
    within(|| {
        let bytes = noise((11 << 20) + 17);
        let files = BTreeMap::from([("a/large".to_owned(), bytes.clone())]);
        let faults = Faults { drop_every: 4, no_e_tag: true, ..Faults::default() };
        let server = Server::start(files, faults);
        let (mut file, n_bytes) = storage::open(Path::new(&server.url("a/large"))).unwrap();
        assert_eq!(n_bytes, bytes.len() as u64);
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == bytes, "the file was read otherwise than it is");
        for offset in [0, 1, 256 << 10, 5 << 20, (11 << 20) + 16, n_bytes, n_bytes + 9, 3] {
            file.seek(SeekFrom::Start(offset)).unwrap();
            let mut some = vec![0; 700 << 10];
            let mut n_read = 0;
            while n_read < some.len() {
                match file.read(&mut some[n_read..]).unwrap() {
                    0 => break,
                    n => n_read += n,
                }
            }
            let rest = bytes.get(offset as usize..).unwrap_or_default();
            assert!(some[..n_read] == rest[..rest.len().min(some.len())], "from {offset}");
        }
        let longest = server.asked().iter().filter_map(|it| length(it)).max();
        assert_eq!(longest, Some(4 << 20));
        assert!(0 < server.n_dropped());
    });
}

/// Returns how many bytes a request asks for.
fn length(asked: &str) -> Option<u64> {
    let (first, last) = asked.rsplit_once("bytes=")?.1.split_once('-')?;
    Some(last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap())
}

/// Checks that a build over a faulty server fails with these words in its message.
fn check_failure(files: BTreeMap<String, Vec<u8>>, faults: Faults, words: &[&str]) {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    within(move || {
        let server = Server::start(files, faults);
        let folder = Folder::empty();
        let ran = build(&folder, &server, "1");
        assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
        assert!(!folder.path("out/manifest.json").exists());
        for word in words.iter().chain([&server.url("enwiki")]) {
            assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
        }
    });
}

#[test]
fn refusals_name_the_url_and_the_remedy() {
    let refuse = |refuse| Faults { refuse, ..Faults::default() };
    check_failure(samples(), refuse(404), &["there is nothing of that name", "hint"]);
    check_failure(samples(), refuse(403), &["access is denied (403)", "hint"]);
    check_failure(samples(), refuse(503), &["too busy", "run the command again"]);
    check_failure(BTreeMap::new(), Faults::default(), &["there is nothing of that name"]);
    let other = BTreeMap::from([(format!("enwiki/{DATE}/notes.txt"), Vec::new())]);
    check_failure(other, Faults::default(), &["no dump files in this folder"]);
    let whole = Faults { no_ranges: true, ..Faults::default() };
    check_failure(samples(), whole, &["sends files only as a whole", "download"]);
    let changing = Faults { changing: true, ..Faults::default() };
    check_failure(samples(), changing, &["was replaced while it was read"]);
}

#[test]
fn a_damaged_file_behind_a_url_is_refused_like_a_local_one() {
    let mut files = samples();
    let page = files.get_mut(&format!("enwiki/{DATE}/enwiki-{DATE}-page.sql.gz")).unwrap();
    page.truncate(page.len() / 2);
    check_failure(files, Faults::default(), &["the gzip data is cut off at"]);
}

#[test]
fn places_that_cannot_be_read_or_written() {
    within(|| {
        let check = |from: &str, to: &str, words: &[&str]| {
            let folder = Folder::new();
            folder.edit(from, to);
            let ran = folder.run(&["check", "pipeline.toml"]);
            assert_eq!(ran.code, Some(2), "{ran:?}");
            for word in words {
                assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
            }
        };
        // A port that was free a moment ago: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = format!("http://127.0.0.1:{port}/enwiki");
        check("dumps/enwiki", &nobody, &[&nobody, "cannot be reached", "check the address"]);
        check("dumps/enwiki", "ftp://host/x", &["`ftp://host/x` is of another kind"]);
        check(
            "dir = \"out\"",
            "dir = \"https://host/out\"",
            &["`https://host/out` can only be read"],
        );
    });
}

#[test]
fn several_processes_cannot_build_into_a_bucket() {
    let folder = Folder::new();
    for (process, place) in [("0", "s3://bucket/corpus"), ("1", "gs://bucket/corpus")] {
        let dir = format!("sinks.corpus.dir={place}");
        let several = ["--hosts", "hosts.txt", "--process", process];
        let mut command = folder.command(&["build", "pipeline.toml", "--set", &dir]);
        command.args(several).env("CROSSIC_CACHE", folder.path("cache"));
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let refused = "error: several processes cannot build into a bucket: ";
        for words in [refused, place, "hint: give the sink a directory that all machines share"] {
            assert!(ran.stderr.contains(words), "`{words}` is not in:\n{}", ran.stderr);
        }
        assert!(!folder.path("cache").exists(), "{place} was opened");
    }
}
