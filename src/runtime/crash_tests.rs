//! Every write, sync, rename and new directory of a build fails once: the corpus of the last build
//! stays whole, and the next build makes of the leavings what it makes of nothing.
//!
//! `CROSSIC_EVERY_STEP=1` fails every step; without it, a sample of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeMap, env, fmt::Write, path::Path, sync::mpsc, thread, time::Duration};

use serde_json::Value;

use super::{Built, Settings, execute};
use crate::{
    config,
    io::{self, tests::failing_below},
    manifest::Manifest,
};

/// How long a build may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(60);

/// One step in so many fails, where not all do.
const STRIDE: usize = 5;

/// Pairs of the tiny wikis.
const N_PAIRS: u32 = 6;

/// Writes a dump of two tiny wikis; a later one has other texts for some pages, and lacks a page.
fn dump(dir: &Path, later: bool) {
    for (lang, other, word) in [("en", "th", "Rice"), ("th", "en", "ข้าว")] {
        let linked = if lang == "en" { "ข้าว" } else { "Rice" };
        let dir = dir.join(format!("{lang}wiki"));
        fs_err::create_dir_all(&dir).unwrap();
        let (mut pages, mut links, mut xml) = (Vec::new(), Vec::new(), String::new());
        for id in (1..=N_PAIRS).filter(|id| !(later && *id == 2)) {
            let changed = later && id % 3 == 0;
            let revision = id + if changed { 100 } else { 0 };
            pages.push(format!("{id},0,'{word}_{id}',0,{revision}"));
            links.push(format!("{id},'{other}','{linked} {id}'"));
            let text = format!("{word} grows in field {revision}. ").repeat(8);
            write!(
                xml,
                "<page><title>{word} {id}</title><ns>0</ns><id>{id}</id><revision><id>{revision}\
                 </id><model>wikitext</model><text>{text}</text></revision></page>"
            )
            .unwrap();
        }
        let columns =
            ["page_id", "page_namespace", "page_title", "page_is_redirect", "page_latest"];
        let tables = [("page", &columns[..], pages), ("langlinks", LINK_COLUMNS, links)];
        for (table, columns, rows) in tables {
            let columns: Vec<_> = columns.iter().map(|it| format!("  `{it}` text")).collect();
            let sql = format!(
                "CREATE TABLE `{table}` (\n{}\n);\nINSERT INTO `{table}` VALUES ({});\n",
                columns.join(",\n"),
                rows.join("),(")
            );
            fs_err::write(dir.join(format!("{lang}wiki-1-{table}.sql")), sql).unwrap();
        }
        let xml = format!("<mediawiki>{xml}</mediawiki>");
        fs_err::write(dir.join(format!("{lang}wiki-1-pages-articles.xml")), xml).unwrap();
    }
}

const LINK_COLUMNS: &[&str] = &["ll_from", "ll_lang", "ll_title"];

/// Builds on two workers.
fn build(dumps: &Path, out: &Path) -> crate::error::Result<Vec<Built>> {
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples/tokenizer.json");
    let (en, th) = (dumps.join("enwiki"), dumps.join("thwiki"));
    let text = format!(
        "[sources.en]\ntype = \"wikipedia-dump\"\ndir = {en:?}\n\
         [sources.th]\ntype = \"wikipedia-dump\"\ndir = {th:?}\n\
         [operators.pairs]\ntype = \"join-langlinks\"\ninputs = [\"en\", \"th\"]\n\
         [operators.long]\ntype = \"filter-pairs\"\ninputs = [\"pairs\"]\n\
         tokenizer = {tokenizer:?}\nmin-tokens = 8\n\
         [operators.windows]\ntype = \"split-windows\"\ninputs = [\"long\"]\n\
         tokenizer = {tokenizer:?}\ntokens = 128\n\
         [sinks.corpus]\ntype = \"arrow-shards\"\ninputs = [\"windows\"]\ndir = {out:?}\n\
         buckets = 2\n"
    );
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let plan = config::from_text("pipeline.toml", text, &[]);
        let settings = Settings { workers: 2, progress: false, cluster: None };
        sender.send(plan.and_then(|plan| execute(plan, settings))).unwrap();
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("a build does not end"))
}

/// Returns every file below a directory with its content, by its path from there.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs_err::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files(&entry.path()).into_iter();
            found.extend(below.map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            found.insert(name, fs_err::read(entry.path()).unwrap());
        }
    }
    found
}

/// Returns the files of a corpus without what a stopped build has a part in: how the texts are
/// dealt to packs, and which answers were asked for while changes were still coming.
fn steady(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    files.retain(|name, _| !name.contains("packs/") && !name.contains("memos/answers-"));
    for (_, manifest) in files.iter_mut().filter(|(name, _)| name.ends_with("manifest.json")) {
        let mut value: Value = serde_json::from_slice(manifest).unwrap();
        value.as_object_mut().unwrap().remove("packs");
        let memos = value["memos"].as_array_mut().unwrap();
        memos.retain(|name| !name.as_str().unwrap().starts_with("answers-"));
        *manifest = serde_json::to_vec(&value).unwrap();
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

/// Panics unless every file that the manifest names is there, with the hash that it names.
fn assert_whole(dir: &Path, at: &str) -> Manifest {
    let manifest = Manifest::read(dir).unwrap();
    let mut hashes: BTreeMap<String, String> = manifest.files.clone();
    hashes
        .extend(manifest.shards.iter().map(|it| (format!("shards/{}", it.file), it.hash.clone())));
    hashes.extend(manifest.snapshots.iter().map(|it| (it.file.clone(), it.hash.clone())));
    hashes.insert(manifest.tokenizer.file.clone(), manifest.tokenizer.hash.clone());
    hashes.extend(
        manifest
            .packs
            .iter()
            .map(|it| (format!("packs/{it}"), it.trim_end_matches(".pack").to_owned())),
    );
    for name in manifest.names() {
        assert!(dir.join(&name).is_file(), "{at}: `{name}` is gone");
    }
    for (name, hash) in hashes {
        assert_eq!(io::hash_file(&dir.join(&name)).unwrap(), hash, "{at}: {name}");
    }
    manifest
}

/// Fails step after step of a build of a dump, over a corpus or over nothing.
fn sweep(later: &Path, before: Option<&Path>, root: &Path) {
    let fresh = |name: &str| {
        let dir = root.join(name);
        if let Some(before) = before {
            copy(before, &dir);
        }
        dir
    };
    let undisturbed = fresh("undisturbed");
    build(later, &undisturbed).unwrap();
    let expected = steady(&undisturbed);
    let old = before.map(|dir| Manifest::read(dir).unwrap());
    let new = Manifest::read(&undisturbed).unwrap();
    let stride = if env::var_os("CROSSIC_EVERY_STEP").is_some() { 1 } else { STRIDE };
    let mut n_failed = 0;
    for n in (0..).step_by(stride) {
        let at = format!("step {n}");
        let dir = fresh(&format!("step-{n}"));
        let (built, failed) = failing_below(&dir, n, || build(later, &dir));
        if !failed {
            built.unwrap();
            break;
        }
        n_failed += 1;
        let error = match built {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{at} failed, but nobody was told"),
        };
        assert!(error.contains("no space left for"), "{at}: {error}");
        assert!(error.contains(dir.to_str().unwrap()), "{at}: {error}");
        if dir.join("manifest.json").exists() {
            let manifest = assert_whole(&dir, &at);
            let is_old = old.as_ref() == Some(&manifest);
            let is_new = manifest.corpus_digest == new.corpus_digest;
            assert!(is_old || is_new, "{at}: a corpus of neither dump");
        } else {
            assert!(old.is_none(), "{at}: the last corpus is gone");
        }
        build(later, &dir).unwrap();
        assert_whole(&dir, &at);
        let found = steady(&dir);
        let names = expected.keys().chain(found.keys());
        let different: Vec<_> = names.filter(|it| expected.get(*it) != found.get(*it)).collect();
        assert!(different.is_empty(), "{at} ({error}): {different:?}");
        fs_err::remove_dir_all(&dir).unwrap();
    }
    assert!(100 < n_failed * stride, "a build has more steps than {n_failed} times {stride}");
}

/// Returns a directory in memory where there is one: syncs cost nothing there.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

#[test]
fn every_step_of_a_build_may_fail() {
    let folder = folder();
    let dumps = folder.path().join("dumps");
    dump(&dumps, false);
    sweep(&dumps, None, folder.path());
}

#[test]
fn every_step_of_a_rebuild_may_fail() {
    let folder = folder();
    let (dumps, later) = (folder.path().join("dumps"), folder.path().join("later"));
    dump(&dumps, false);
    dump(&later, true);
    let before = folder.path().join("before");
    build(&dumps, &before).unwrap();
    sweep(&later, Some(&before), folder.path());
}
