//! Builds by several processes: the bytes are those of one process, and whoever fails, all end
//! and the next build goes on.
//!
//! `CROSSIC_KILLS=500 cargo test --workspace --test processes` kills at more moments;
//! `CROSSIC_SEED` repeats a sequence that a failure has named.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossic::manifest::Manifest;
use serde_json::Value;

mod common;
mod common_crossic;
mod ports;
use common_crossic::{Folder, Ran, files, repository};

/// How long a process may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(60);

/// The dates of the samples: the first build, and the one after it.
const DATES: [&str; 2] = ["20240720", "20240801"];

/// Two sinks and a filter that asks about texts, so that everything a process may do is done.
const PIPELINE: &str = r#"[sources.en]
type = "wikipedia-dump"
dir = "dumps/DATE/enwiki"

[sources.es]
type = "wikipedia-dump"
dir = "dumps/DATE/eswiki"

[sources.th]
type = "wikipedia-dump"
dir = "dumps/DATE/thwiki"

[operators.pairs]
type = "join-langlinks"
inputs = ["en", "es", "th"]

[operators.long]
type = "filter-pairs"
inputs = ["pairs"]
tokenizer = "tokenizer.json"
min-tokens = 64

[operators.windows]
type = "split-windows"
inputs = ["long"]
tokenizer = "tokenizer.json"
tokens = 256

[sinks.corpus]
type = "arrow-shards"
inputs = ["windows"]
dir = "OUT/corpus"
buckets = 7

[sinks.lines]
type = "jsonl"
inputs = ["windows"]
dir = "OUT/lines"
buckets = 5
"#;

/// A folder with the samples of both dates, and ports for two processes.
struct Scene {
    folder: Folder,
    hosts: [String; 2],
}

/// A running process; it is killed when this is dropped.
struct Process {
    child: Child,
    said: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _killed = self.child.kill().is_ok() && self.child.wait().is_ok();
    }
}

impl Process {
    /// Waits until the process has ended; panics if it does not.
    fn end(mut self) -> Ran {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if PATIENCE < start.elapsed() => {
                    let stderr = fs_err::read_to_string(self.said.join("stderr")).unwrap();
                    panic!("a process does not end; it has said: {stderr}");
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let read = |name: &str| fs_err::read_to_string(self.said.join(name)).unwrap();
        Ran { code: status.code(), stdout: read("stdout"), stderr: read("stderr") }
    }

    /// Sends a signal.
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Scene {
    fn new() -> Scene {
        let folder = Folder::empty();
        for date in DATES {
            for wiki in ["enwiki", "eswiki", "thwiki"] {
                let to = folder.path(&format!("dumps/{date}/{wiki}"));
                copy(&repository("data-samples").join(wiki).join(date), &to);
            }
        }
        let hosts = ports::two();
        folder.write("hosts.txt", format!("{}\n{}\n", hosts[0], hosts[1]).as_bytes());
        Scene { folder, hosts }
    }

    /// Writes the pipeline that reads the dumps of a date and builds below `out`.
    fn pipeline(&self, date: &str, out: &str) -> String {
        let name = format!("{out}-{date}.toml");
        let text = PIPELINE.replace("DATE", date).replace("OUT", out);
        // Not again: the process that was started before may be reading it.
        if !self.folder.path(&name).exists() {
            self.folder.write(&name, text.as_bytes());
        }
        name
    }

    /// Builds on one process.
    fn alone(&self, date: &str, out: &str) {
        self.folder.run(&["build", &self.pipeline(date, out), "--workers", "2"]).done();
    }

    /// Starts one of two processes.
    fn start(&self, process: usize, date: &str, out: &str, more: &[&str]) -> Process {
        let (pipeline, process) = (self.pipeline(date, out), process.to_string());
        let mut arguments = vec!["build", &pipeline, "--hosts", "hosts.txt", "--process", &process];
        arguments.extend(more);
        let said = self.folder.path(&format!("said-{process}"));
        fs_err::create_dir_all(&said).unwrap();
        let file =
            |name: &str| Stdio::from(fs_err::File::create(said.join(name)).unwrap().into_parts().0);
        let mut command = self.folder.command(&arguments);
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Process { child, said }
    }

    /// Builds on two processes with so many workers each.
    fn together(&self, date: &str, out: &str, workers: &str) {
        let start = |process| self.start(process, date, out, &["--workers", workers]);
        let (first, second) = (start(0), start(1));
        let (first, second) = (first.end(), second.end());
        assert_eq!((first.code, second.code), (Some(0), Some(0)), "{first:?} {second:?}");
        assert!(first.stdout.contains("look at it: crossic inspect"), "{}", first.stdout);
        assert_eq!(second.stdout, "", "only process 0 shows results");
    }

    /// Returns how the other process names one of the two.
    fn name(&self, process: usize) -> String {
        format!("process {process} ({})", self.hosts[process])
    }

    /// Panics unless two corpora with one history are the same, and the second is whole.
    fn same(&self, expected: &str, found: &str) {
        let (left, right) = (steady(&self.folder.path(expected)), steady(&self.folder.path(found)));
        let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        let different: Vec<_> =
            names.into_iter().filter(|name| left.get(*name) != right.get(*name)).collect();
        assert!(different.is_empty(), "{found} differs from {expected} in {different:?}");
        for sink in ["corpus", "lines"] {
            let dir = self.folder.path(&format!("{found}/{sink}"));
            let copies = ["README.md", "report.html", "report.json", ".lock"].map(str::to_owned);
            let mut named = Manifest::read(&dir).unwrap().names();
            named.extend(copies);
            let there: BTreeSet<String> =
                files(&dir).into_keys().filter(|it| !it.starts_with("previous/")).collect();
            assert_eq!(there, named, "the files of {found}/{sink}, and those that should be there");
            self.verify(&format!("{found}/{sink}"));
        }
    }

    fn verify(&self, dir: &str) {
        self.folder.run(&["verify", dir]).done();
    }
}

/// Returns the files of a corpus, without what depends on which process did what.
fn steady(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    files.retain(|name, _| !name.contains("/packs/") && !name.contains("/memos/"));
    for (_, manifest) in files.iter_mut().filter(|(name, _)| name.ends_with("manifest.json")) {
        let mut value: Value = serde_json::from_slice(manifest).unwrap();
        let object = value.as_object_mut().unwrap();
        assert!(object.remove("packs").is_some() && object.remove("memos").is_some());
        *manifest = value.to_string().into_bytes();
    }
    files
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }
}

fn same_bytes(workers: &str) {
    let scene = Scene::new();
    for date in DATES {
        scene.alone(date, "one");
        scene.together(date, "two", workers);
        scene.same("one", "two");
    }
    // A corpus of one process is as good a start for two, and the other way round.
    scene.together(DATES[0], "one", workers);
    scene.alone(DATES[0], "two");
    scene.same("one", "two");
}

#[test]
fn two_processes_of_one_worker_build_what_one_builds() {
    same_bytes("1");
}

#[test]
fn two_processes_of_two_workers_build_what_one_builds() {
    same_bytes("2");
}

#[test]
fn a_file_of_one_stream_is_shared_by_two_processes() {
    let scene = Scene::new();
    let xml = format!("thwiki-{}-pages-articles-multistream", DATES[0]);
    let dir = format!("dumps/{}/thwiki", DATES[0]);
    let file = format!("{dir}/{xml}.xml.bz2");
    scene.folder.write(&file, &common::one_stream(&scene.folder.read(&file), 15_000));
    fs_err::remove_file(scene.folder.path(&format!("{dir}/{xml}-index.txt.bz2"))).unwrap();
    scene.alone(DATES[0], "one");
    scene.together(DATES[0], "two", "1");
    scene.same("one", "two");
}

#[test]
fn a_rebuild_of_the_same_dumps_changes_nothing() {
    let scene = Scene::new();
    scene.together(DATES[0], "two", "2");
    let before = files(&scene.folder.path("two"));
    scene.together(DATES[0], "two", "2");
    let after = files(&scene.folder.path("two"));
    let shards = |files: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
        files.keys().filter(|it| it.contains("/shards/")).cloned().collect()
    };
    assert!(!shards(&before).is_empty());
    assert_eq!(shards(&before), shards(&after));
    scene.alone(DATES[0], "one");
    scene.same("one", "two");
}

#[test]
fn one_line_of_hosts_is_a_build_by_one_process() {
    let scene = Scene::new();
    scene.folder.write("hosts.txt", format!("{}\n", scene.hosts[0]).as_bytes());
    let ran = scene.start(0, DATES[0], "two", &["--workers", "2"]).end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.alone(DATES[0], "one");
    scene.same("one", "two");
}

/// Runs two processes that cannot agree; returns what they said.
fn at_odds(first: &[&str], second: &[&str], reason: &str) {
    let scene = Scene::new();
    let first = scene.start(0, DATES[0], "out", first);
    let second = scene.start(1, DATES[0], "out", second);
    let (first, second) = (first.end(), second.end());
    assert!(first.stderr.contains("error: process 1 ("), "{}", first.stderr);
    for ran in [first, second] {
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    }
    assert!(!scene.folder.path("out/corpus/manifest.json").exists());
    scene.together(DATES[0], "out", "1");
}

#[test]
fn another_plan_at_one_process_is_told_at_both() {
    let other = ["--workers", "1", "--set", "operators.windows.tokens=128"];
    at_odds(&["--workers", "1"], &other, "runs another pipeline, or has other inputs");
    let other = ["--workers", "1", "--set", "sources.th.dir=\"dumps/20240801/thwiki\""];
    at_odds(&["--workers", "1"], &other, "runs another pipeline, or has other inputs");
}

#[test]
fn other_workers_at_one_process_are_told_at_both() {
    at_odds(&["--workers", "1"], &["--workers", "2"], "runs 2 workers instead of 1");
}

#[test]
fn another_directory_at_one_process_is_told_at_both() {
    let other = ["--workers", "1", "--set", "sinks.lines.dir=\"elsewhere\""];
    at_odds(&["--workers", "1"], &other, "is not the directory that process 0 has locked");
}

#[test]
fn a_process_that_never_comes_is_named() {
    let scene = Scene::new();
    for process in [0, 1] {
        let ran = scene.start(process, DATES[0], "out", &["--deadline", "2"]).end();
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(&scene.name(1 - process)), "{}", ran.stderr);
        assert!(ran.stderr.contains("within 2 s"), "{}", ran.stderr);
    }
}

#[test]
fn half_a_command_line_is_refused() {
    let scene = Scene::new();
    let pipeline = scene.pipeline(DATES[0], "out");
    let check = |arguments: &[&str], reason: &str| {
        let arguments: Vec<&str> = ["build", &pipeline].iter().chain(arguments).copied().collect();
        let ran = scene.folder.run(&arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    };
    check(&["--hosts", "hosts.txt"], "--process <I>");
    check(&["--process", "0"], "--hosts <HOSTS>");
    check(&["--deadline", "0", "--hosts", "hosts.txt", "--process", "0"], "0 is not in 1..");
    check(&["--hosts", "hosts.txt", "--process", "2"], "`--process` is a number from 0 to 1");
    assert!(!scene.folder.path("out").exists());
}

#[test]
fn a_damaged_dump_ends_both_with_one_reason() {
    let scene = Scene::new();
    scene.together(DATES[0], "out", "1");
    let before = files(&scene.folder.path("out/corpus"));
    let name = "dumps/20240801/eswiki/eswiki-20240801-langlinks.sql.gz";
    let mut bytes = scene.folder.read(name);
    // The checksum: only whoever has read the whole table finds out.
    let place = bytes.len() - 8;
    bytes[place] ^= 1;
    scene.folder.write(name, &bytes);
    let start = |process| scene.start(process, DATES[1], "out", &["--workers", "2"]);
    let (first, second) = (start(0), start(1));
    for ran in [first.end(), second.end()] {
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("eswiki-20240801-langlinks"), "{}", ran.stderr);
    }
    let after = files(&scene.folder.path("out/corpus"));
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    scene.verify("out/corpus");
}

/// Stops one process in the middle of a rebuild by a signal; the other must end and name it.
fn stopped(process: usize, signal: &str, reason: &str) {
    let scene = Scene::new();
    scene.alone(DATES[0], "expected");
    scene.alone(DATES[1], "expected");
    for attempt in 0..20 {
        let out = format!("out-{attempt}");
        scene.alone(DATES[0], &out);
        let manifest = scene.folder.path(&format!("{out}/corpus/manifest.json"));
        let before = fs_err::read(&manifest).unwrap();
        let more = ["--workers", "1", "--deadline", "5"];
        let start = |process| scene.start(process, DATES[1], &out, &more);
        let mut both = [Some(start(0)), Some(start(1))];
        // The first unfinished file: all are there, and the work has begun.
        let begun = Instant::now();
        let snapshots = scene.folder.path(&format!("{out}/corpus/snapshots"));
        while !files_begun(&snapshots) && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        let victim = both[process].take().unwrap();
        victim.signal(signal);
        let survivor = both[1 - process].take().unwrap().end();
        drop(victim);
        if survivor.code == Some(0) {
            continue; // The signal came too late for this attempt.
        }
        assert_eq!(survivor.code, Some(1), "{}", survivor.stderr);
        let name = format!("error: {}: ", scene.name(process));
        assert!(survivor.stderr.contains(&name), "{}", survivor.stderr);
        assert!(survivor.stderr.contains(reason), "{}", survivor.stderr);
        assert_eq!(fs_err::read(&manifest).unwrap(), before);
        scene.verify(&format!("{out}/corpus"));
        scene.verify(&format!("{out}/lines"));
        scene.together(DATES[1], &out, "1");
        scene.same("expected", &out);
        return;
    }
    panic!("the signal always came too late");
}

fn files_begun(dir: &Path) -> bool {
    let entries = fs_err::read_dir(dir).unwrap();
    entries.flatten().any(|it| it.file_name().to_string_lossy().starts_with(".tmp-"))
}

#[test]
fn process_0_is_killed() {
    stopped(0, "-KILL", "was it killed?");
}

#[test]
fn process_1_is_killed() {
    stopped(1, "-KILL", "was it killed?");
}

#[test]
fn process_0_is_stopped() {
    stopped(0, "-STOP", "not heard of for");
}

#[test]
fn process_1_is_stopped() {
    stopped(1, "-STOP", "not heard of for");
}

/// Numbers that a seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn random_kills_leave_a_corpus_that_the_next_build_completes() {
    let seed = number("CROSSIC_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let mut random = Random(seed);
    let scene = Scene::new();
    scene.alone(DATES[0], "first");
    copy(&scene.folder.path("first"), &scene.folder.path("second"));
    scene.alone(DATES[1], "second");
    scene.alone(DATES[1], "scratch");
    // About as long as a build takes here, so that the moments spread over all of it.
    let clock = Instant::now();
    scene.together(DATES[1], "measured", "1");
    let span = clock.elapsed().as_micros() as u64;
    let mut n_killed = 0;
    for kill in 0..number("CROSSIC_KILLS").unwrap_or(20) {
        let (process, workers) = (random.below(2) as usize, ["1", "2"][random.below(2) as usize]);
        let (rebuild, after) = (random.below(3) != 0, random.below(span * 11 / 10));
        eprintln!("CROSSIC_SEED={seed}, kill {kill}: process {process} after {after} µs");
        let out = format!("out-{kill}");
        if rebuild {
            copy(&scene.folder.path("first"), &scene.folder.path(&out));
        }
        let more = ["--workers", workers, "--deadline", "3"];
        let start = |process| scene.start(process, DATES[1], &out, &more);
        let mut both = [Some(start(0)), Some(start(1))];
        thread::sleep(Duration::from_micros(after));
        drop(both[process].take());
        let survivor = both[1 - process].take().unwrap().end();
        if survivor.code != Some(0) {
            n_killed += 1;
            assert_eq!(survivor.code, Some(1), "{}", survivor.stderr);
            let name = scene.name(process);
            assert!(survivor.stderr.contains(&name), "{}", survivor.stderr);
        }
        for sink in ["corpus", "lines"] {
            let dir = format!("{out}/{sink}");
            match scene.folder.path(&format!("{dir}/manifest.json")).exists() {
                true => scene.verify(&dir),
                false => assert!(!rebuild, "{dir} has lost its manifest"),
            }
        }
        scene.together(DATES[1], &out, workers);
        scene.same(if rebuild { "second" } else { "scratch" }, &out);
        fs_err::remove_dir_all(scene.folder.path(&out)).unwrap();
    }
    assert_ne!(n_killed, 0, "every kill came too late");
}
