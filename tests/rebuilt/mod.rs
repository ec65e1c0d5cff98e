//! Builds of edited wikis: a corpus that is built again in place, step by step, beside one built
//! from scratch of every step.

#[path = "../ports/mod.rs"]
mod ports;
mod processes;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use crossic::{
    config,
    manifest::{Manifest, Totals},
    runtime::{self, Settings},
    sinks::shard_file::ShardReader,
    sources::TitleRules,
    store::{
        memos::DeltaRow,
        pack::{PackName, Packs},
        snapshot,
        tables::{ArticleRow, LinkRow},
    },
    work::Work,
};
use crossic_operators::record::{Digest, Target};
use proptest::test_runner::TestCaseError;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    common_crossic::{files, repository},
    edited_dumps::{self, Style, WIKIS},
    edited_wikis::World,
};

/// How long a build may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the builds in place run; those from scratch run on as many workers of this process.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "each test program uses some of them")]
pub(crate) enum Place {
    /// On so many workers of this process.
    Workers(usize),
    /// In two processes of so many workers each.
    Processes(usize),
}

impl Place {
    /// Returns the same number of workers in this process.
    fn alone(self) -> Place {
        match self {
            Place::Workers(n_workers) | Place::Processes(n_workers) => Place::Workers(n_workers),
        }
    }
}

/// What came of a build, of one sink.
#[derive(Clone, Copy, Debug)]
struct Made {
    totals: Totals,
    work: Work,
}

/// A pipeline over edited wikis.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    /// How many of the wikis it reads, English among them.
    pub(crate) n_wikis: usize,
    pub(crate) headings: &'static str,
    pub(crate) links: &'static str,
    pub(crate) many_to_one: &'static str,
    pub(crate) min_tokens: u32,
    pub(crate) min_chars: u32,
    pub(crate) ratio: u32,
    pub(crate) shuffled: bool,
    pub(crate) variant: &'static str,
    pub(crate) tokens: u32,
    pub(crate) buckets: u32,
    /// Whether JSON lines are written beside Arrow.
    pub(crate) lines: bool,
    /// Whether articles get web documents, too.
    pub(crate) searched: bool,
    /// Whether damage is passed over.
    pub(crate) skips: bool,
}

impl Default for Pipeline {
    fn default() -> Pipeline {
        Pipeline {
            n_wikis: 2,
            headings: "glue",
            links: "union",
            many_to_one: "best",
            min_tokens: 0,
            min_chars: 0,
            ratio: 0,
            shuffled: false,
            variant: "crossic",
            tokens: 96,
            buckets: 3,
            lines: false,
            searched: false,
            skips: false,
        }
    }
}

impl Pipeline {
    /// Returns the pipeline file that reads the dumps of one directory and writes below another.
    fn text(&self, dumps: &Path, out: &Path) -> String {
        let mut text = String::new();
        let languages = WIKIS.iter().take(self.n_wikis).map(|wiki| wiki.0);
        for lang in languages.clone() {
            let dir = dumps.join(format!("{lang}wiki"));
            let headings = self.headings;
            writeln!(text, "[sources.{lang}]\ntype = \"wikipedia-dump\"\ndir = {dir:?}").unwrap();
            writeln!(text, "headings = {headings:?}\nskip-damaged = {}\n", self.skips).unwrap();
        }
        let languages: Vec<&str> = languages.collect();
        let tokenizer = repository("data-samples/tokenizer.json");
        write!(
            text,
            "[operators.joined]\ntype = \"join-langlinks\"\ninputs = {languages:?}\n\
             links = {:?}\nmany-to-one = {:?}\n\n\
             [operators.long]\ntype = \"filter-pairs\"\ninputs = [\"joined\"]\n\
             tokenizer = {tokenizer:?}\nmin-tokens = {}\nmin-chars = {}\n\
             max-length-ratio = {}.0\n\n",
            self.links, self.many_to_one, self.min_tokens, self.min_chars, self.ratio
        )
        .unwrap();
        let pairs = match self.shuffled {
            true => {
                text.push_str(
                    "[operators.mixed]\ntype = \"shuffle-pairs\"\ninputs = [\"long\"]\n\n",
                );
                "mixed"
            }
            false => "long",
        };
        let mut inputs = vec![pairs];
        if self.searched {
            let file = dumps.join("web-*.jsonl");
            let wikis_and_web: Vec<&str> = languages.iter().copied().chain(["web"]).collect();
            write!(
                text,
                "[sources.web]\ntype = \"fineweb-edu\"\nfiles = [{file:?}]\nmin-words = 1\n\n\
                 [operators.found]\ntype = \"retrieve\"\ninputs = {wikis_and_web:?}\n\n"
            )
            .unwrap();
            inputs.push("found");
        }
        write!(
            text,
            "[operators.windows]\ntype = \"split-windows\"\ninputs = {inputs:?}\n\
             tokenizer = {tokenizer:?}\ntokens = {}\nvariant = {:?}\n\n",
            self.tokens, self.variant
        )
        .unwrap();
        for (name, kind) in self.sinks() {
            let (dir, buckets) = (out.join(name), self.buckets);
            writeln!(text, "[sinks.{name}]\ntype = {kind:?}\ninputs = [\"windows\"]").unwrap();
            writeln!(text, "dir = {dir:?}\nbuckets = {buckets}\n").unwrap();
        }
        text
    }

    /// Returns the names and types of the sinks.
    fn sinks(&self) -> Vec<(&'static str, &'static str)> {
        let lines = self.lines.then_some(("lines", "jsonl"));
        [("corpus", "arrow-shards")].into_iter().chain(lines).collect()
    }
}

/// One step: the dumps of a moment and the pipeline that reads them.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What the tables show.
    pub(crate) tables: World,
    /// What the articles show, of the same moment or of another.
    pub(crate) articles: World,
    pub(crate) style: Style,
    pub(crate) pipeline: Pipeline,
    /// The edition of the web documents.
    pub(crate) documents: u32,
    /// The edition of the templates.
    pub(crate) templates: u32,
}

/// Builds every step in place and from scratch; returns an error that says where they differ.
pub(crate) fn check(steps: &[Step], place: Place) -> Result<(), TestCaseError> {
    let folder = TempDir::new().unwrap();
    let kept = folder.path().join("kept");
    let mut last: Option<(&Step, Vec<Made>)> = None;
    let mut rows: BTreeMap<&str, (String, BTreeSet<Digest>)> = BTreeMap::new();
    for (step, number) in steps.iter().zip(0..) {
        let dumps = folder.path().join(format!("dumps-{number}"));
        let date = format!("202407{:02}", number + 1);
        let worlds = (&step.tables, &step.articles);
        edited_dumps::write(&dumps, &date, worlds, step.templates, step.style);
        edited_dumps::write_documents(&dumps, step.documents);
        let scratch = folder.path().join(format!("scratch-{number}"));
        let expected = build(&step.pipeline, &dumps, &scratch, place.alone());
        let before = published(&kept, &step.pipeline);
        let found = build(&step.pipeline, &dumps, &kept, place);
        let at = format!("step {number} on {place:?}");
        let built = match (expected, found) {
            (Ok(_), Ok(built)) => built,
            // A build that fails leaves the corpus of the last one: the next step goes on from it.
            (Err(expected), Err(found)) if expected == found => {
                if before != published(&kept, &step.pipeline) {
                    let problem = format!("{at}: the corpus has changed, but: {found}");
                    return Err(TestCaseError::fail(problem));
                }
                continue;
            }
            (expected, found) => {
                let said = |result: Result<Vec<Made>, String>| result.map(|built| built.len());
                let (expected, found) = (said(expected), said(found));
                return Err(TestCaseError::fail(format!(
                    "{at}: from scratch {expected:?}, in place {found:?}"
                )));
            }
        };
        for (sink, _) in step.pipeline.sinks() {
            let different = differences(&scratch.join(sink), &kept.join(sink));
            if !different.is_empty() {
                let names = different.join(", ");
                return Err(TestCaseError::fail(format!("{at}: {sink} differs in {names}")));
            }
        }
        for (sink, kind) in step.pipeline.sinks().into_iter().filter(|it| it.1 == "arrow-shards") {
            let now = ids(&kept.join(sink));
            let problem = delta(&kept.join(sink), rows.get(sink), &now);
            problem.map_err(|it| TestCaseError::fail(format!("{at}: {kind} {sink}: {it}")))?;
            rows.insert(sink, now);
        }
        if let Some((before, last)) = &last {
            let problem = work(before, step, last, &built);
            problem.map_err(|problem| TestCaseError::fail(format!("{at}: {problem}")))?;
        }
        last = Some((step, built));
    }
    Ok(())
}

/// Returns the digest of an Arrow corpus and the identities of its rows.
fn ids(dir: &Path) -> (String, BTreeSet<Digest>) {
    let manifest = Manifest::read(dir).unwrap();
    let shards = manifest.shards.iter().map(|shard| manifest.shard_path(dir, shard));
    let rows = shards.flat_map(|path| ShardReader::open(&path).unwrap());
    let ids = rows.map(|row| row.unwrap().id).collect();
    (manifest.corpus_digest, ids)
}

/// Compares the delta of a manifest with the rows of both corpora.
fn delta(
    dir: &Path,
    before: Option<&(String, BTreeSet<Digest>)>,
    (digest, now): &(String, BTreeSet<Digest>),
) -> Result<(), String> {
    let Some((old, before)) = before.filter(|(old, _)| old != digest) else { return Ok(()) };
    let manifest = Manifest::read(dir).unwrap();
    let found = manifest.delta.ok_or("it has no delta")?;
    let listed: BTreeMap<Digest, bool> =
        snapshot::rows::<DeltaRow>(&dir.join("memos").join(&found.file))
            .unwrap()
            .map(|row| row.unwrap())
            .map(|row| (row.id, row.added))
            .collect();
    let came = now.difference(before).map(|id| (*id, true));
    let expected: BTreeMap<Digest, bool> =
        came.chain(before.difference(now).map(|id| (*id, false))).collect();
    let counts = (found.added + found.removed, found.unchanged, manifest.parent.as_ref());
    let right = (expected.len() as u64, now.intersection(before).count() as u64, Some(old));
    match listed == expected && counts == right {
        true => Ok(()),
        false => Err(format!("its delta lists {listed:?}, not {expected:?}; {counts:?}")),
    }
}

/// Checks what a rebuild did against what the step made necessary.
fn work(before: &Step, step: &Step, last: &[Made], built: &[Made]) -> Result<(), String> {
    // What stands before a link decides how much it says, and so which documents are found.
    let looks = step.pipeline.searched;
    let same_texts = (before.style.damage, step.style.damage) == (0, 0)
        && (!looks || before.documents == step.documents)
        && before.templates == step.templates
        && same_texts(&before.tables, &step.tables, looks)
        && same_texts(&before.articles, &step.articles, looks)
        && format!("{:?}", before.pipeline) == format!("{:?}", step.pipeline);
    for (last, built) in last.iter().zip(built) {
        if same_texts && built.work.pairs_split != 0 {
            let n_pairs = built.work.pairs_split;
            return Err(format!("{n_pairs} pairs were split again, but no text has changed"));
        }
        // New revisions of the same texts make the same rows with other numbers in them.
        if same_texts && last.totals != built.totals {
            let (last, built) = (last.totals, built.totals);
            return Err(format!("{last:?} became {built:?}, but no text has changed"));
        }
    }
    Ok(())
}

/// Says whether two worlds differ in revisions of articles at most, and in looks if these do not
/// matter.
fn same_texts(before: &World, after: &World, looks: bool) -> bool {
    let plain = |world: &World| {
        let mut world = world.clone();
        for page in world.0.iter_mut().flat_map(|wiki| wiki.pages.values_mut()) {
            page.revision = 0;
            page.looks = if looks { page.looks } else { 0 };
        }
        world.0.into_iter().map(|wiki| wiki.pages).collect::<Vec<_>>()
    };
    plain(before) == plain(after)
}

/// Builds the pipeline; an error is told without the paths of the machine.
fn build(pipeline: &Pipeline, dumps: &Path, out: &Path, place: Place) -> Result<Vec<Made>, String> {
    let text = pipeline.text(dumps, out);
    let made = match place {
        Place::Workers(n_workers) => build_here(text, n_workers),
        Place::Processes(n_workers) => {
            processes::build(&text, dumps, n_workers).map(|json| made_of(&json))
        }
    };
    made.map_err(|error| error.replace(out.to_str().unwrap(), "OUT"))
}

/// Builds a pipeline on so many workers of this process.
fn build_here(text: String, n_workers: usize) -> Result<Vec<Made>, String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let plan = config::from_text("pipeline.toml", text, &[]);
        let settings = Settings { workers: n_workers, progress: false, cluster: None };
        sender.send(plan.and_then(|plan| runtime::execute(plan, settings))).unwrap();
    });
    let built = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("a build does not end"));
    let built = built.map_err(|error| error.to_string())?;
    Ok(built.iter().map(|it| Made { totals: it.manifest.totals, work: it.work }).collect())
}

/// Returns what a build prints as JSON.
fn made_of(json: &str) -> Vec<Made> {
    let built: Vec<Value> = serde_json::from_str(json).unwrap();
    let made = built.into_iter().map(|it| Made {
        totals: serde_json::from_value(it["totals"].clone()).unwrap(),
        work: serde_json::from_value(it["work"].clone()).unwrap(),
    });
    made.collect()
}

/// Returns every file that the manifests of the corpora name, and these themselves.
fn published(kept: &Path, pipeline: &Pipeline) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut published = BTreeMap::new();
    for dir in pipeline.sinks().iter().map(|sink| kept.join(sink.0)) {
        let manifest = Manifest::find(&dir).unwrap();
        let names = manifest.iter().flat_map(Manifest::names);
        let paths = names.map(|name| dir.join(name));
        published.extend(paths.map(|path| (path.clone(), fs_err::read(path).unwrap())));
    }
    published
}

/// What a corpus may owe to the way it was made.
const HISTORY: [&str; 4] = ["parent", "delta", "packs", "memos"];

/// Returns the files in which a corpus differs from one that was built from scratch.
fn differences(scratch: &Path, kept: &Path) -> Vec<String> {
    let (scratch, found) = (steady(scratch), steady(kept));
    let names: BTreeSet<&String> = scratch.keys().chain(found.keys()).collect();
    let differing = names.into_iter().filter(|name| scratch.get(*name) != found.get(*name));
    let mut different: Vec<String> = differing
        .map(|name| match (scratch.get(name), found.get(name)) {
            (Some(expected), Some(found)) => format!("{name} ({})", first(expected, found)),
            (Some(_), None) => format!("{name} (missing)"),
            _ => format!("{name} (too much)"),
        })
        .collect();
    different.extend(astray(kept));
    different.extend(unreadable(kept));
    different
}

/// Returns the files of a corpus by name, without what depends on its history.
fn steady(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    files.retain(|name, _| {
        ["packs/", "memos/", "previous/"].iter().all(|folder| !name.starts_with(folder))
    });
    if let Some(manifest) = files.get_mut("manifest.json") {
        let mut value: Value = serde_json::from_slice(manifest).unwrap();
        let object = value.as_object_mut().unwrap();
        HISTORY.iter().for_each(|key| drop(object.remove(*key)));
        *manifest = serde_json::to_string_pretty(&value).unwrap().into_bytes();
    }
    files
}

/// Returns the first lines in which two files differ, if they are text.
fn first(expected: &[u8], found: &[u8]) -> String {
    let (Ok(expected), Ok(found)) = (str::from_utf8(expected), str::from_utf8(found)) else {
        return "other bytes".to_owned();
    };
    let different = expected.lines().zip(found.lines()).find(|(one, other)| one != other);
    match different {
        Some((one, other)) => format!("`{}` became `{}`", one.trim(), other.trim()),
        None => format!("{} bytes became {}", expected.len(), found.len()),
    }
}

/// Returns the packs that the manifest names but the directory lacks, or the other way round.
fn astray(dir: &Path) -> Vec<String> {
    let manifest = fs_err::read(dir.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let named = manifest["packs"].as_array().into_iter().flatten();
    let named: BTreeSet<PathBuf> =
        named.filter_map(|name| Some(dir.join("packs").join(name.as_str()?))).collect();
    let there: BTreeSet<PathBuf> = match fs_err::read_dir(dir.join("packs")) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => BTreeSet::new(),
    };
    let astray = named.symmetric_difference(&there);
    astray.map(|path| format!("packs: {}", path.file_name().unwrap().display())).collect()
}

/// Returns the texts that the snapshots name but the packs lack: a later build would miss them.
fn unreadable(dir: &Path) -> Vec<String> {
    let manifest = Manifest::read(dir).unwrap();
    let names = manifest.packs.iter().map(|name| PackName::parse(name).unwrap());
    let packs = Packs::open(&dir.join("packs"), &names.collect::<Vec<_>>()).unwrap();
    let is_searched = manifest.plan.sources.contains_key("web");
    let mut missing = Vec::new();
    for file in manifest.snapshots.iter().filter(|it| it.table == "articles") {
        for row in snapshot::rows::<ArticleRow>(&dir.join(&file.file)).unwrap() {
            let row = row.unwrap();
            let (is_text, page) = (row.state == "text", format!("{} of {}", row.page, file.source));
            if is_text && !packs.contains(row.digest) {
                missing.push(format!("the text of page {page}"));
            }
            if (row.links != Digest::default()) != (is_text && is_searched) {
                missing.push(format!("whether there are links of page {page}"));
            }
            if is_text && is_searched && !packs.contains(row.links) {
                missing.push(format!("the links of page {page}"));
            }
        }
    }
    let english = TitleRules::new(None);
    let links = manifest.snapshots.iter().filter(|it| is_searched && it.table == "langlinks");
    for file in links {
        for row in snapshot::rows::<LinkRow>(&dir.join(&file.file)).unwrap() {
            let row = row.unwrap();
            match english.target(&row.title) {
                Target::Title(name) if row.lang == "en" && !packs.contains(name) => {
                    missing.push(format!("the name `{}`", row.title));
                }
                _ => {}
            }
        }
    }
    missing
}
