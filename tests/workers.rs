//! What goes wrong on one worker of several: the whole run must end, soon and with that error.
//!
//! The faults come from sources, operators and sinks of this file, put into a plan through the
//! library, so that crossic itself needs no switch for them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crossic::{
    config::{self, Plan},
    error::{Error, Result},
    runtime::{self, Built, Settings},
    sinks::{Rows, Shard, ShardWriter, Sink},
    sources::{
        LinkNumbers, Source, SourceContext, SourceCounts, Task, Tasks, TitleRules, Wanted, WikiInfo,
    },
};
use crossic_operators::{
    context::Context,
    flow::{Flow, Kind},
    operator::{Inputs, Operator},
    segment::Segment,
    vocabulary::Vocabulary,
};
use tempfile::TempDir;

mod common_crossic;
use common_crossic::{PIPELINE, repository};

/// How long a run may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens where it should not.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Panic,
    Io,
}

impl Fault {
    fn strike<T>(self) -> Result<T> {
        match self {
            Fault::Panic => panic!("a fault of the test"),
            Fault::Io => Err(io::Error::other("the disk of the test is broken").into()),
        }
    }
}

/// Where it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Tables,
    Articles,
    Wiring,
    Flow,
    Shard,
    Row,
    Seal,
}

fn plan(out: &Path) -> Plan {
    let set = |key: &str, path: PathBuf| format!("{key}={:?}", path.to_str().unwrap());
    let samples = |wiki: &str| repository("data-samples").join(wiki).join(common_crossic::DATE);
    let sets = [
        set("sources.en.dir", samples("enwiki")),
        set("sources.th.dir", samples("thwiki")),
        set("operators.windows.tokenizer", repository("data-samples/tokenizer.json")),
        set("sinks.corpus.dir", out.to_owned()),
    ];
    config::from_text("pipeline.toml", PIPELINE.to_owned(), &sets).unwrap()
}

/// Puts the fault into the plan.
fn with_fault(mut plan: Plan, place: Place, fault: Fault) -> Plan {
    match place {
        Place::Tables | Place::Articles => {
            let mut node = plan.sources.remove(1);
            node.source = Box::new(Faulty { inner: node.source, place, fault });
            plan.sources.push(node);
        }
        Place::Wiring | Place::Flow => {
            let mut node = plan.operators.remove(0);
            node.operator = Box::new(Faulty { inner: node.operator, place, fault });
            plan.operators.insert(0, node);
        }
        Place::Shard | Place::Row | Place::Seal => {
            for node in &mut plan.sinks {
                node.sink = Arc::new(Faulty { inner: Arc::clone(&node.sink), place, fault });
            }
        }
    }
    plan
}

/// A component that does as another does, but for its fault.
#[derive(Debug)]
struct Faulty<C> {
    inner: C,
    place: Place,
    fault: Fault,
}

/// A task that does nothing but fail, on the worker that happens to take it.
struct FaultyTask(Fault);

impl<R> Task<R> for FaultyTask {
    fn step(&mut self, _: usize, _: &Wanted, _: &mut Vec<R>) -> Result<bool> {
        self.0.strike()
    }

    fn bytes_read(&self) -> u64 {
        0
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts::new()
    }
}

impl Source for Faulty<Box<dyn Source>> {
    fn open(&mut self) -> Result<()> {
        self.inner.open()
    }

    fn info(&self) -> &WikiInfo {
        self.inner.info()
    }

    fn title_rules(&self) -> Arc<TitleRules> {
        self.inner.title_rules()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.inner.files()
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        self.inner.knobs()
    }

    fn count_links(&self, languages: &[String]) -> Result<LinkNumbers> {
        self.inner.count_links(languages)
    }

    fn article_files(&self) -> Vec<PathBuf> {
        self.inner.article_files()
    }

    fn tasks(&self, name: &str, cx: &SourceContext) -> Result<Tasks> {
        let mut tasks = self.inner.tasks(name, cx)?;
        match self.place {
            Place::Tables => tasks.tables.push(Box::new(FaultyTask(self.fault))),
            Place::Articles => tasks.articles.push(Box::new(FaultyTask(self.fault))),
            _ => {}
        }
        Ok(tasks)
    }
}

impl Operator for Faulty<Box<dyn Operator>> {
    fn inputs(&self) -> Inputs {
        self.inner.inputs()
    }

    fn output(&self) -> Kind {
        self.inner.output()
    }

    fn tokenizer(&self) -> Option<&Path> {
        self.inner.tokenizer()
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        self.inner.knobs()
    }

    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s> {
        let last = cx.scope.index() + 1 == cx.scope.peers();
        if self.place == Place::Wiring && last {
            self.fault.strike::<()>().unwrap();
        }
        let (place, fault) = (self.place, self.fault);
        let pairs = self.inner.build(cx, inputs).pairs();
        Flow::Pairs(pairs.inspect(move |_| {
            if place == Place::Flow && last {
                fault.strike::<()>().unwrap();
            }
        }))
    }
}

impl Sink for Faulty<Arc<dyn Sink>> {
    fn dir(&self) -> &Path {
        self.inner.dir()
    }

    fn buckets(&self) -> u32 {
        self.inner.buckets()
    }

    fn format(&self) -> &'static str {
        self.inner.format()
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        self.inner.knobs()
    }

    fn rows(&self, shard: &Shard) -> Result<Option<Rows>> {
        self.inner.rows(shard)
    }

    fn shard(&self, bucket: u32, vocabulary: &Vocabulary) -> Result<Box<dyn ShardWriter>> {
        let writer = self.inner.shard(bucket, vocabulary)?;
        if bucket != 2 {
            return Ok(writer);
        }
        if self.place == Place::Shard {
            self.fault.strike::<()>()?;
        }
        let (place, fault) = (self.place, self.fault);
        Ok(Box::new(FaultyWriter { writer, place, fault }))
    }
}

/// A shard that cannot be written to its end.
struct FaultyWriter {
    writer: Box<dyn ShardWriter>,
    place: Place,
    fault: Fault,
}

impl ShardWriter for FaultyWriter {
    fn push(&mut self, segment: &Segment) -> Result<()> {
        match self.place {
            Place::Row => self.fault.strike(),
            _ => self.writer.push(segment),
        }
    }

    fn finish(self: Box<Self>) -> Result<Shard> {
        match self.place {
            Place::Seal => self.fault.strike(),
            _ => self.writer.finish(),
        }
    }
}

/// Runs a plan on four workers; panics if it does not come to an end.
fn execute(plan: Plan) -> Result<Vec<Built>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let settings = Settings { workers: 4, progress: false, cluster: None };
        sender.send(runtime::execute(plan, settings)).unwrap();
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the run does not end"))
}

fn check(places: &[Place], fault: Fault, expected: &str) {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    for place in places {
        let error = execute(with_fault(plan(&out), *place, fault)).unwrap_err();
        assert_eq!(error.exit_code(), 1, "{place:?}");
        assert!(error.to_string().contains(expected), "{place:?}: {error}");
        assert!(!out.join("manifest.json").exists(), "{place:?}");
    }
    // The directory is fit for the next build, and its lock is free again.
    execute(plan(&out)).unwrap();
    let clean = folder.path().join("clean");
    execute(plan(&clean)).unwrap();
    common_crossic::assert_same_files(&clean, &out);
}

#[test]
fn a_panic_on_one_worker_ends_the_run() {
    use Place::{Articles, Flow, Row, Seal, Shard, Tables, Wiring};
    let places = [Tables, Articles, Wiring, Flow, Shard, Row, Seal];
    check(&places, Fault::Panic, "a worker stopped");
}

#[test]
fn an_input_output_error_on_one_worker_ends_the_run() {
    use Place::{Articles, Row, Seal, Shard, Tables};
    let places = [Tables, Articles, Shard, Row, Seal];
    check(&places, Fault::Io, "the disk of the test is broken");
}

#[test]
fn the_error_of_a_run_is_told_whoever_else_fails() {
    let folder = TempDir::new().unwrap();
    let plan = with_fault(plan(&folder.path().join("out")), Place::Tables, Fault::Io);
    let plan = with_fault(plan, Place::Articles, Fault::Panic);
    let error = execute(plan).unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error}");
}
