//! Builds that are killed, or that find no room: the last corpus stays whole, the next build goes on
//! over the leavings, and in the end nothing tells of it.
//!
//! `CROSSIC_KILLS=100 cargo test --workspace --test crashes` kills more often, and `CROSSIC_SEED=7`
//! at other moments.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossic::manifest::Manifest;
use serde_json::Value;

mod common_crossic;
use common_crossic::{Folder, Ran, files, repository};

/// How long a build may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which dump a build reads.
#[derive(Clone, Copy)]
enum Dump {
    Old,
    New,
}

/// Makes a folder with the samples of both dates.
fn folder() -> Folder {
    let folder = Folder::new();
    for wiki in ["enwiki", "thwiki"] {
        let from = repository("data-samples").join(wiki).join("20240801");
        for (name, bytes) in files(&from) {
            folder.write(&format!("later/{wiki}/{name}"), &bytes);
        }
    }
    folder
}

/// Returns the arguments of a build of a dump into a directory.
fn arguments(dump: Dump, out: &str) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["run", "pipeline.toml", "--workers", "2", "--json"].map(str::to_owned).into();
    let mut set = |value: String| arguments.extend(["--set".to_owned(), value]);
    set(format!("sinks.corpus.dir={out}"));
    set("sinks.corpus.buckets=32".to_owned());
    if let Dump::New = dump {
        set("sources.en.dir=later/enwiki".to_owned());
        set("sources.th.dir=later/thwiki".to_owned());
    }
    arguments
}

fn start(folder: &Folder, dump: Dump, out: &str) -> Child {
    let arguments = arguments(dump, out);
    let mut command = folder.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits for a build to end by itself.
fn wait(child: &mut Child) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if PATIENCE < start.elapsed() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("a build does not end");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Builds undisturbed; returns the counts of the work that was done.
fn build(folder: &Folder, dump: Dump, out: &str) -> Value {
    let arguments = arguments(dump, out);
    let mut command = folder.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let printed = folder.path("printed.json");
    let said = folder.path("said.txt");
    let mut child = command
        .stdout(fs_err::File::create(&printed).unwrap().into_parts().0)
        .stderr(fs_err::File::create(&said).unwrap().into_parts().0)
        .spawn()
        .unwrap();
    wait(&mut child);
    let said = fs_err::read_to_string(said).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {said}");
    let printed: Value = serde_json::from_slice(&fs_err::read(printed).unwrap()).unwrap();
    printed[0]["work"].clone()
}

fn number(work: &Value, name: &str) -> u64 {
    work[name].as_u64().unwrap_or_else(|| panic!("`work` has no `{name}`: {work}"))
}

/// Replaces one directory by a copy of another.
fn copy(folder: &Folder, from: &str, to: &str) {
    if folder.path(to).exists() {
        fs_err::remove_dir_all(folder.path(to)).unwrap();
    }
    for (name, bytes) in files(&folder.path(from)) {
        folder.write(&format!("{to}/{name}"), &bytes);
    }
}

/// Returns the files of a corpus by name, without what depends on how it came about.
fn steady(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    files.retain(|name, _| {
        !["packs/", "memos/", "previous/"].iter().any(|folder| name.starts_with(folder))
    });
    let mut value: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    for key in ["parent", "delta", "packs", "memos"] {
        value.as_object_mut().unwrap().remove(key);
    }
    files.insert("manifest.json".to_owned(), serde_json::to_vec(&value).unwrap());
    files
}

/// Panics unless a corpus has the bytes of another that was built from scratch and undisturbed.
fn assert_same_corpus(scratch: &Path, found: &Path) {
    let (scratch, found) = (steady(scratch), steady(found));
    let names = scratch.keys().chain(found.keys());
    let different: Vec<_> = names.filter(|it| scratch.get(*it) != found.get(*it)).collect();
    assert!(different.is_empty(), "these files differ: {different:?}");
}

/// Panics unless `crossic verify` is content with a corpus, but for the shards that a stopped build
/// has left beside it.
fn assert_verified(folder: &Folder, out: &str, at: &str) {
    let ran = folder.run(&["verify", out, "--json"]);
    let summary: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{at}: {error}: {}", ran.stderr));
    for check in summary["checks"].as_array().unwrap() {
        let is_beside = check["name"] == "nothing else in shards/";
        assert!(is_beside || check["problems"] == Value::Array(Vec::new()), "{at}: {check}");
    }
}

/// Panics if `crossic gc` would remove anything but the corpus before.
fn assert_nothing_unnamed(folder: &Folder, out: &str) {
    let printed = folder.run(&["gc", out, "--dry-run"]).done();
    for line in printed.lines() {
        let name = line.split_whitespace().last().unwrap();
        let is_name = line.starts_with(' ');
        assert!(!is_name || name.starts_with("previous/"), "{printed}");
    }
}

/// Numbers that look random and are those of their seed: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().map_or(default, |it| it.parse().unwrap())
}

#[cfg(unix)]
#[test]
fn a_rebuild_that_is_killed_leaves_a_whole_corpus_and_goes_on() {
    use std::os::unix::process::ExitStatusExt;

    let folder = folder();
    build(&folder, Dump::New, "scratch");
    build(&folder, Dump::Old, "old");
    copy(&folder, "old", "out");
    let begin = Instant::now();
    build(&folder, Dump::New, "out");
    let usual = begin.elapsed().as_micros() as u64;
    copy(&folder, "old", "out");
    let old = Manifest::read(&folder.path("old")).unwrap();
    let new = Manifest::read(&folder.path("scratch")).unwrap();

    let (seed, n_kills) = (setting("CROSSIC_SEED", 20_240_801), setting("CROSSIC_KILLS", 25));
    eprintln!("CROSSIC_SEED={seed}, {usual} µs are usual");
    let mut random = Random(seed.max(1));
    let (mut n_killed, mut n_replaced) = (0, 0);
    for n in 0..n_kills {
        let moment = Duration::from_micros(random.below(usual));
        let at = format!("kill {n} after {moment:?} with CROSSIC_SEED={seed}");
        let mut child = start(&folder, Dump::New, "out");
        thread::sleep(moment);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // A build that was faster than the signal is done.
        assert!(status.signal() == Some(9) || status.success(), "{at}: {status}");
        n_killed += u64::from(!status.success());
        assert_verified(&folder, "out", &at);
        let found = Manifest::read(&folder.path("out")).unwrap();
        if found.corpus_digest == new.corpus_digest {
            n_replaced += 1;
            build(&folder, Dump::New, "out");
            assert_same_corpus(&folder.path("scratch"), &folder.path("out"));
            copy(&folder, "old", "out");
        } else {
            assert!(found == old, "{at}: the last manifest has changed");
        }
    }
    eprintln!("{n_killed} of {n_kills} were killed, {n_replaced} had replaced the manifest");
    assert!(n_killed != 0, "every build was faster than the signal");
    build(&folder, Dump::New, "out");
    assert_same_corpus(&folder.path("scratch"), &folder.path("out"));
    assert_nothing_unnamed(&folder, "out");
    folder.run(&["verify", "out"]).done();
}

/// Starts a build and kills it once a shard is sealed; returns whether that came to pass.
fn kill_after_a_shard(folder: &Folder, dump: Dump, out: &str) -> bool {
    let records = |dir: &Path| -> usize {
        let names = fs_err::read_dir(dir.join("memos")).into_iter().flatten().flatten();
        let is_record = |name: &str| name.ends_with(".json") && !name.starts_with("report-");
        names.filter(|it| is_record(&it.file_name().to_string_lossy())).count()
    };
    let dir = folder.path(out);
    let before = records(&dir);
    let mut child = start(folder, dump, out);
    while records(&dir) == before && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn what_a_killed_build_has_sealed_is_kept() {
    let folder = folder();
    build(&folder, Dump::New, "scratch");
    build(&folder, Dump::Old, "old");
    copy(&folder, "old", "undisturbed");
    let undisturbed = build(&folder, Dump::New, "undisturbed");
    for over_a_corpus in [false, true] {
        let mut kept = None;
        for _ in 0..20 {
            match over_a_corpus {
                true => copy(&folder, "old", "out"),
                false if folder.path("out").exists() => {
                    fs_err::remove_dir_all(folder.path("out")).unwrap();
                }
                false => {}
            }
            if !kill_after_a_shard(&folder, Dump::New, "out") {
                continue;
            }
            let work = build(&folder, Dump::New, "out");
            assert_same_corpus(&folder.path("scratch"), &folder.path("out"));
            assert_nothing_unnamed(&folder, "out");
            if !over_a_corpus {
                assert_eq!(number(&work, "pairs_copied"), 0, "there is no last build: {work}");
            }
            kept = Some(number(&work, "pairs_kept"));
            break;
        }
        let kept = kept.unwrap_or_else(|| panic!("every build was faster than the signal"));
        // Buckets in which nothing has changed are kept anyway.
        let anyway = if over_a_corpus { number(&undisturbed, "pairs_kept") } else { 0 };
        assert!(anyway < kept, "over a corpus: {over_a_corpus}: nothing of the leavings was kept");
    }
}

/// Unlike a small disk, a limit on the size of files needs no right to mount.
#[cfg(unix)]
#[test]
fn a_rebuild_without_room_leaves_the_last_corpus() {
    let folder = folder();
    build(&folder, Dump::Old, "old");
    build(&folder, Dump::New, "scratch");
    copy(&folder, "old", "out");
    let old = Manifest::read(&folder.path("out")).unwrap();
    // In blocks of 512 bytes or of 1,024, as the shell has it.
    for n_blocks in ["1", "4", "16"] {
        let script = format!("trap '' XFSZ; ulimit -f {n_blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_crossic")]);
        command.args(arguments(Dump::New, "out")).current_dir(folder.path(""));
        let ran = Ran::from(command.env_remove("RUST_BACKTRACE").output().unwrap());
        assert_eq!(ran.code, Some(1), "{n_blocks}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{n_blocks}");
        assert!(ran.stderr.contains("`out/"), "it names the path: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: free some space"), "{}", ran.stderr);
        assert_verified(&folder, "out", n_blocks);
        assert!(old == Manifest::read(&folder.path("out")).unwrap(), "{n_blocks}");
    }
    build(&folder, Dump::New, "out");
    assert_same_corpus(&folder.path("scratch"), &folder.path("out"));
    assert_nothing_unnamed(&folder, "out");
}
