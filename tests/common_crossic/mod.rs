//! Helpers of the tests that run crossic: a folder with the sample dumps, and golden files.

#![allow(dead_code, reason = "each test program uses some of them")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// The pipeline of a [`Folder`]: Thai and English to segments of 1,024 tokens in `out`.
pub(crate) const PIPELINE: &str = r#"[sources.en]
type = "wikipedia-dump"
dir = "dumps/enwiki"

[sources.th]
type = "wikipedia-dump"
dir = "dumps/thwiki"

[operators.pairs]
type = "join-langlinks"
inputs = ["en", "th"]

[operators.windows]
type = "split-windows"
inputs = ["pairs"]
tokenizer = "tokenizer.json"
tokens = 1024

[sinks.corpus]
type = "arrow-shards"
inputs = ["windows"]
dir = "out"
buckets = 4
"#;

/// The pipeline of [`Folder::with_web`]: what is found for Spanish and Thai articles. `SOURCE` and
/// `FOUND` stand for more keys.
const WEB: &str = r#"[sources.en]
type = "wikipedia-dump"
dir = "dumps/enwiki"

[sources.es]
type = "wikipedia-dump"
dir = "dumps/eswiki"

[sources.th]
type = "wikipedia-dump"
dir = "dumps/thwiki"

[sources.web]
type = "fineweb-edu"
files = ["web/*"]
SOURCE

[operators.found]
type = "retrieve"
inputs = ["en", "es", "th", "web"]
FOUND

[operators.windows]
type = "split-windows"
inputs = ["found"]
tokenizer = "tokenizer.json"
tokens = 1024

[sinks.corpus]
type = "arrow-shards"
inputs = ["windows"]
dir = "out"
buckets = 2
"#;

/// The date of the samples that most tests read.
pub(crate) const DATE: &str = "20240720";

/// Returns a path of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What crossic did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed as its result.
    pub(crate) stdout: String,
    /// What else it printed.
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Returns the exit code and what went to stderr, as golden files hold them.
    pub(crate) fn failure(&self) -> String {
        let code = self.code.map_or("signal".to_owned(), |code| code.to_string());
        format!("exit {code}\n{}", steady(&self.stderr))
    }

    /// Panics unless the run did its work; returns what it printed.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }
}

/// Replaces the names of unfinished files, which hold the process id.
fn steady(text: &str) -> String {
    let mut parts = text.split(".tmp-");
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        steady.push_str(".tmp-N");
        steady.push_str(part.trim_start_matches(|it: char| it.is_ascii_digit() || it == '-'));
    }
    steady
}

/// A folder of its own in which crossic is run, so that messages hold no path of the machine:
/// `dumps/enwiki` and so on, `tokenizer.json` and `pipeline.toml`.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Copies the samples of two wikis into a new folder, with [`PIPELINE`] over them.
    pub(crate) fn new() -> Folder {
        let folder = Folder::empty();
        for wiki in ["enwiki", "thwiki"] {
            folder.copy_samples(wiki, &format!("dumps/{wiki}"));
        }
        folder
    }

    /// Makes a folder that holds the tokenizer and [`PIPELINE`], but no dumps.
    pub(crate) fn empty() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        let tokenizer = repository("data-samples/tokenizer.json");
        fs_err::copy(tokenizer, folder.path("tokenizer.json")).unwrap();
        folder.write("pipeline.toml", PIPELINE.as_bytes());
        folder
    }

    /// Makes a folder with the sample dumps and their web documents, and a pipeline that searches
    /// these; `source` and `found` are more keys of the documents and of the search.
    pub(crate) fn with_web(source: &str, found: &str) -> Folder {
        let folder = Folder::empty();
        for wiki in ["enwiki", "eswiki", "thwiki"] {
            folder.copy_samples(wiki, &format!("dumps/{wiki}"));
        }
        for file in ["000_00000.parquet", "001_00000.parquet"] {
            let bytes = fs_err::read(repository("data-samples/fineweb-edu").join(file)).unwrap();
            folder.write(&format!("web/{file}"), &bytes);
        }
        let pipeline = WEB.replace("SOURCE", source).replace("FOUND", found);
        folder.write("pipeline.toml", pipeline.as_bytes());
        folder
    }

    /// Returns a path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Copies the sample dump of a wiki.
    pub(crate) fn copy_samples(&self, wiki: &str, to: &str) {
        fs_err::create_dir_all(self.path(to)).unwrap();
        let dir = repository("data-samples").join(wiki).join(DATE);
        for entry in fs_err::read_dir(dir).unwrap() {
            let from = entry.unwrap();
            fs_err::copy(from.path(), self.path(to).join(from.file_name())).unwrap();
        }
    }

    /// Returns the bytes of a file.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs_err::read(self.path(name)).unwrap()
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// Replaces some text of `pipeline.toml`, which must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = String::from_utf8(self.read("pipeline.toml")).unwrap();
        assert!(text.contains(from), "`{from}` is not in the pipeline");
        self.write("pipeline.toml", text.replace(from, to).as_bytes());
    }

    /// Returns the command that runs crossic in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossic"));
        command.args(arguments).current_dir(self.0.path()).env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs crossic in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Builds `pipeline.toml` on one worker, so that the first error is always the same one.
    pub(crate) fn build(&self, sets: &[&str]) -> Ran {
        let sets = sets.iter().flat_map(|set| ["--set", *set]);
        let arguments: Vec<&str> =
            ["build", "pipeline.toml", "--workers", "1"].into_iter().chain(sets).collect();
        self.run(&arguments)
    }
}

/// Returns every file below a directory with its content, by its path from there.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs_err::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => {
                for (below, content) in self::files(&entry.path()) {
                    files.insert(format!("{name}/{below}"), content);
                }
            }
            false => {
                files.insert(name, fs_err::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// Panics unless two directories hold the same files with the same bytes; names those that differ.
pub(crate) fn assert_same_files(left: &Path, right: &Path) {
    let (left, right) = (files(left), files(right));
    let names = left.keys().chain(right.keys()).collect::<std::collections::BTreeSet<_>>();
    let different: Vec<_> =
        names.into_iter().filter(|name| left.get(*name) != right.get(*name)).collect();
    assert!(different.is_empty(), "these files differ: {different:?}");
}

/// Compares text with a golden file, or writes it there under `UPDATE_GOLDEN=1`.
pub(crate) fn golden(name: &str, actual: &str) {
    let path = repository("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some_and(|it| it == "1") {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, actual).unwrap();
        return;
    }
    let expected = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{name} has changed; if that is meant, run again with UPDATE_GOLDEN=1\n\
         --- expected\n{expected}\n--- actual\n{actual}"
    );
}
