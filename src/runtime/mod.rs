//! Runs a plan: dataflow on all workers, then the corpus directories.

mod articles;
mod bucket;
mod build;
#[cfg(test)]
mod crash_tests;
pub mod directory;
mod failure;
mod inputs;
mod last_build;
mod ledger;
mod packs;
mod previous;
mod progress;
mod publish;
mod reconcile;
mod rejects;
mod said;
mod scan;
mod seal;

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    sync::{Arc, Mutex},
    time::Duration,
};

use self::{
    build::Run,
    failure::{Alarm, Failure},
    last_build::LastBuild,
    progress::Progress,
    said::Heard,
    scan::{Queue, Tasks},
};
use crate::{
    config::Plan,
    error::{Error, Result},
    manifest::Manifest,
    report::Report,
    sources::{Before, Finding, Remembered, Signed, SourceContext, TableRow, WikiInfo},
    store::{memos::Answers, texts::TextStore},
    work::Work,
};

/// How a run behaves; nothing of it reaches a corpus.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Timely workers.
    pub workers: usize,
    /// Whether progress may be shown on a terminal.
    pub progress: bool,
}

/// A corpus that a run has published.
#[derive(Clone, Debug)]
pub struct Built {
    /// Name of the sink.
    pub sink: String,
    /// The corpus directory.
    pub dir: std::path::PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its report.
    pub report: Report,
    /// What the run did.
    pub work: Work,
}

/// Builds every corpus of a plan.
///
/// # Errors
///
/// An input is damaged, a directory holds something else or cannot be written, nothing came of the
/// run, or a worker panicked. No manifest is replaced then.
pub fn execute(plan: Plan, settings: Settings) -> Result<Vec<Built>> {
    let plan = Arc::new(plan);
    let _locks = directory::prepare(&plan)?;
    let Some(first) = plan.sinks.first() else {
        unreachable!("check asks for a sink");
    };
    let last = LastBuild::find(first.sink.dir())?;
    for node in &plan.sinks {
        for change in LastBuild::find(node.sink.dir())?.changes(&plan, node) {
            progress::note(&format!("{}: {change}", node.name));
        }
    }
    let needed = last.manifest.as_ref().map(|it| it.packs.as_slice()).unwrap_or_default();
    let store = Arc::new(TextStore::open(first.sink.dir(), needed)?);
    let memos = last.manifest.as_ref().map(|it| it.memos.as_slice()).unwrap_or_default();
    let answers = Arc::new(Answers::read(first.sink.dir(), memos)?);
    let mut files = inputs::sizes(&plan)?;
    let befores = last.sources(&plan, &mut files)?;
    let progress = Progress::new(
        files.iter().map(|file| file.size).sum(),
        settings.progress && std::io::stderr().is_terminal(),
    );
    let wikis: Vec<WikiInfo> = plan.sources.iter().map(|node| node.source.info().clone()).collect();
    let mut lasts = Vec::new();
    for node in &plan.sinks {
        lasts.push(Arc::new(LastBuild::find(node.sink.dir())?.buckets(node)));
    }

    let tasks = tasks(&plan, &store, befores)?;
    let heard = Arc::new(Mutex::new(Heard::default()));
    let failure = Failure::default();
    let run = Run {
        plan: Arc::clone(&plan),
        store: Arc::clone(&store),
        answers: Arc::clone(&answers),
        remembered: Arc::new(Queue::new(tasks.remembered)),
        tables: Arc::new(Queue::new(tasks.tables)),
        articles: Arc::new(Queue::new(tasks.articles)),
        last: lasts,
        wikis: Arc::new(wikis),
        failure: failure.clone(),
        progress: progress.clone(),
        heard: Arc::clone(&heard),
    };
    flow(run, settings.workers);
    progress.finish();

    if let Some(error) = failure.take() {
        return Err(error);
    }
    let heard = Arc::into_inner(heard).and_then(|heard| heard.into_inner().ok());
    let Some(mut heard) = heard else {
        return Err(Error::Worker("it did not let go of its results".to_owned()));
    };
    let mut store = match Arc::into_inner(store) {
        Some(store) => store,
        None => return Err(Error::Worker("it did not let go of the texts".to_owned())),
    };
    if let Some(error) = store.failure() {
        return Err(error);
    }
    (heard.work.answers_recalled, heard.work.answers_found) = answers.asked();
    heard.snapshots.sort();
    publish::publish(&plan, heard, &store, &answers, &files)
}

/// Runs the dataflow on the workers; errors are kept in the run's failure.
fn flow(run: Run, workers: usize) {
    let failure = run.failure.clone();
    let config = timely::Config::process(workers.max(1));
    let guards = timely::execute(config, move |worker| {
        let _alarm = Alarm(run.failure.clone(), worker.index());
        let probe = worker.dataflow(|scope| build::build(scope, &run));
        while !probe.done() {
            if run.failure.is_set() || run.store.failed() {
                for dataflow in worker.installed_dataflows() {
                    worker.drop_dataflow(dataflow);
                }
                break;
            }
            worker.step_or_park(Some(Duration::from_millis(50)));
        }
    });
    match guards {
        Ok(guards) => {
            for result in guards.join() {
                if let Err(message) = result {
                    failure.set(Error::Worker(message));
                }
            }
        }
        Err(message) => failure.set(Error::Worker(message)),
    }
}

/// The tasks of all sources, each with its source.
#[derive(Default)]
struct AllTasks {
    remembered: Tasks<Remembered>,
    tables: Tasks<Signed<TableRow>>,
    articles: Tasks<Finding>,
}

/// Returns the tasks of all sources.
fn tasks(plan: &Plan, store: &Arc<TextStore>, befores: Vec<Arc<Before>>) -> Result<AllTasks> {
    let mut languages = BTreeMap::new();
    for (node, index) in plan.sources.iter().zip(0_u16..) {
        let rules = node.source.title_rules();
        languages.insert(node.source.info().lang.clone(), (index, rules));
    }
    let languages = Arc::new(languages);
    let mut all = AllTasks::default();
    for ((node, before), index) in plan.sources.iter().zip(befores).zip(0_u16..) {
        let cx = SourceContext {
            index,
            languages: Arc::clone(&languages),
            store: Arc::clone(store),
            before,
        };
        let tasks = node.source.tasks(&node.name, &cx)?;
        all.remembered.extend(tasks.remembered.into_iter().map(|task| (index, task)));
        all.tables.extend(tasks.tables.into_iter().map(|task| (index, task)));
        all.articles.extend(tasks.articles.into_iter().map(|task| (index, task)));
    }
    Ok(all)
}
