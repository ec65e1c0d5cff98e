//! Runs a plan: dataflow on all workers, then the corpus directories.

mod articles;
mod bucket;
mod build;
mod calibrate;
#[cfg(test)]
mod crash_tests;
mod delta;
pub mod directory;
mod failure;
mod inputs;
mod last_build;
mod ledger;
mod packs;
mod previous;
mod processes;
mod progress;
mod publish;
mod reconcile;
mod rejects;
mod said;
mod scan;
mod seal;
mod stamp;

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use self::{
    build::Run,
    failure::{Alarm, Failure},
    inputs::Input,
    last_build::LastBuild,
    processes::{Done, Processes},
    progress::Progress,
    said::Heard,
    scan::{Queue, Tasks},
};
pub use self::{calibrate::calibrate, processes::Place};
use crossic_operators::{flow::Kind, retrieve::library::EncodedFile};
use timely::{WorkerConfig, execute::execute_from};

use crate::{
    cluster::mesh::Mesh,
    config::Plan,
    error::{Error, Result},
    manifest::Manifest,
    report::Report,
    retrieval::{self, DocumentLibrary, Searching, Shelf},
    sources::{Before, Finding, Remembered, Signed, SourceContext, TableRow, WikiInfo},
    store::{memos::Answers, texts::TextStore},
    work::Work,
};

/// How often a run of several processes looks whether one of them has failed.
const LOOK: Duration = Duration::from_millis(50);

/// How a run behaves; nothing of it reaches a corpus.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Timely workers of each process.
    pub workers: usize,
    /// Whether progress may be shown on a terminal.
    pub progress: bool,
    /// How this process takes part, if there are others.
    pub cluster: Option<Place>,
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

/// Builds every corpus of a plan. Of several processes, process 0 returns them; the others return
/// none.
///
/// # Errors
///
/// An input is damaged, a directory holds something else or cannot be written, nothing came of the
/// run, a worker panicked, or another process failed. No manifest is replaced then.
pub fn execute(plan: Plan, settings: Settings) -> Result<Vec<Built>> {
    let plan = Arc::new(plan);
    let mut files = inputs::sizes(&plan)?;
    let first = settings.cluster.as_ref().is_none_or(|place| place.process == 0);
    // The others come to directories that are prepared.
    let _locks = if first { directory::prepare(&plan)? } else { Vec::new() };
    let (processes, mesh) = Processes::join(&plan, &settings, &files)?;
    match take_part(&plan, &settings, &mut files, (&processes, mesh)) {
        Ok(built) => processes.end().map(|()| built),
        Err(error) => Err(processes.fail(error)),
    }
}

/// Does the work of this process.
fn take_part(
    plan: &Arc<Plan>,
    settings: &Settings,
    files: &mut [Input],
    (processes, mesh): (&Processes, Option<Mesh>),
) -> Result<Vec<Built>> {
    let Some(first) = plan.sinks.first() else {
        unreachable!("check asks for a sink");
    };
    processes.share_directories(plan)?;
    let last = LastBuild::find(first.sink.dir())?;
    for node in plan.sinks.iter().filter(|_| processes.is_first()) {
        for change in LastBuild::find(node.sink.dir())?.changes(plan, node) {
            progress::note(&format!("{}: {change}", node.name));
        }
    }
    let needed = last.manifest.as_ref().map(|it| it.packs.as_slice()).unwrap_or_default();
    let store = Arc::new(TextStore::open(first.sink.dir(), needed)?);
    let memos = last.manifest.as_ref().map(|it| it.memos.as_slice()).unwrap_or_default();
    let answers = Arc::new(Answers::read(first.sink.dir(), memos)?);
    let note = |text: &str| {
        if processes.is_first() {
            progress::note(text);
        }
    };
    let befores = last.sources(plan, files, &note)?;
    let progress = Progress::new(
        files.iter().map(|file| file.size).sum(),
        settings.progress && std::io::stderr().is_terminal(),
    );
    let wikis: Vec<WikiInfo> = plan.sources.iter().map(|node| node.source.info().clone()).collect();
    let mut lasts = Vec::new();
    for node in &plan.sinks {
        lasts.push(Arc::new(LastBuild::find(node.sink.dir())?.buckets(node)));
    }

    let tasks = tasks(plan, &store, befores)?;
    let heard = Arc::new(Mutex::new(Heard::default()));
    let failure = Failure::default();
    let library = Arc::new(library(plan, &store, memos, failure.clone()));
    let run = Run {
        plan: Arc::clone(plan),
        store: Arc::clone(&store),
        answers: Arc::clone(&answers),
        remembered: Arc::new(Queue::new(processes.deal(tasks.remembered).collect())),
        tables: Arc::new(Queue::new(processes.deal(tasks.tables).collect())),
        articles: Arc::new(Queue::new(processes.deal(tasks.articles).collect())),
        documents: Arc::new(Queue::new(processes.deal(tasks.documents).collect())),
        library: library.clone(),
        threads: settings.workers.max(1),
        last: lasts,
        wikis: Arc::new(wikis),
        failure: failure.clone(),
        progress: progress.clone(),
        heard: Arc::clone(&heard),
    };
    flow(run, settings.workers, (processes, mesh))?;
    progress.finish();

    if let Some(error) = failure.take().or_else(|| store.failure()) {
        return Err(error);
    }
    let heard = Arc::into_inner(heard).and_then(|heard| heard.into_inner().ok());
    let Some(mut heard) = heard else {
        return Err(Error::Worker("it did not let go of its results".to_owned()));
    };
    let done = Done {
        answers: answers.write(store.dir())?,
        asked: answers.asked(),
        retrieval: library.finish()?,
    };
    if !processes.is_first() {
        return processes.done(&done).map(|()| Vec::new());
    }
    let mut files_of_answers = Vec::new();
    for done in std::iter::once(done).chain(processes.others()?) {
        files_of_answers.extend(done.answers);
        heard.work.answers_recalled += done.asked.0;
        heard.work.answers_found += done.asked.1;
        heard.memos.extend(done.retrieval.memos);
        heard.work += done.retrieval.work;
    }
    heard.snapshots.sort();
    publish::publish(plan, heard, &store, (files_of_answers, files), processes)
}

/// Runs the dataflow on the workers; errors of workers are kept in the run's failure.
fn flow(run: Run, workers: usize, (processes, mesh): (&Processes, Option<Mesh>)) -> Result<()> {
    let (failure, store) = (run.failure.clone(), Arc::clone(&run.store));
    let alone = mesh.is_none();
    let (builders, threads) = match mesh {
        Some(mesh) => mesh.allocators()?,
        None => timely::CommunicationConfig::Process(workers.max(1))
            .try_build()
            .map_err(Error::Worker)?,
    };
    // Closed when the last worker has ended: it is theirs, and nothing is ever sent.
    let (held, ended) = mpsc::channel::<()>();
    let guards = execute_from(builders, threads, WorkerConfig::default(), move |worker| {
        let _held = &held;
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
    })
    .map_err(Error::Worker)?;
    while !alone && ended.recv_timeout(LOOK) != Err(RecvTimeoutError::Disconnected) {
        processes.look(&failure);
        if failure.is_set() || store.failed() {
            // The threads of the network wait for peers that may be gone: nobody waits for them.
            std::mem::forget(guards);
            return Ok(());
        }
    }
    for result in guards.join() {
        if let Err(message) = result {
            failure.set(Error::Worker(message));
        }
    }
    Ok(())
}

/// Returns the documents of a plan, as its operators search them.
fn library(
    plan: &Plan,
    store: &Arc<TextStore>,
    last: &[String],
    failure: Failure,
) -> DocumentLibrary {
    let mut shelves = BTreeMap::new();
    for node in &plan.operators {
        let searching = plan.searching.get(&node.name);
        let source = plan.sources.iter().find(|it| node.inputs.last() == Some(&it.name));
        let documents = source.and_then(|it| it.source.documents());
        let (Some(searching), Some(documents)) = (searching, documents) else { continue };
        let shelf = Shelf {
            operator: node.name.clone(),
            searching: Arc::clone(searching),
            documents: documents.clone(),
        };
        shelves.insert(node.stage, shelf);
    }
    let sources = plan.sources.iter().map(|it| it.name.clone()).collect();
    DocumentLibrary::new(Arc::clone(store), shelves, sources, last, move |error| failure.set(error))
}

/// The tasks of all sources, each with its source.
#[derive(Default)]
struct AllTasks {
    remembered: Tasks<Remembered>,
    tables: Tasks<Signed<TableRow>>,
    articles: Tasks<Finding>,
    documents: Tasks<EncodedFile>,
}

/// Returns the tasks of all sources.
fn tasks(plan: &Plan, store: &Arc<TextStore>, befores: Vec<Arc<Before>>) -> Result<AllTasks> {
    let mut languages = BTreeMap::new();
    let wikis = plan.sources.iter().zip(0_u16..);
    for (node, index) in wikis.filter(|(it, _)| it.source.writes() == Kind::Wiki) {
        let rules = node.source.title_rules();
        languages.insert(node.source.info().lang.clone(), (index, rules));
    }
    let languages = Arc::new(languages);
    let mut all = AllTasks::default();
    for ((node, before), index) in plan.sources.iter().zip(befores).zip(0_u16..) {
        let cx = SourceContext {
            index,
            names_of: plan.names_of(&node.name),
            keep_links: plan.keeps_links(&node.name),
            languages: Arc::clone(&languages),
            store: Arc::clone(store),
            before,
        };
        let tasks = node.source.tasks(&node.name, &cx)?;
        all.remembered.extend(tasks.remembered.into_iter().map(|task| (index, task)));
        all.tables.extend(tasks.tables.into_iter().map(|task| (index, task)));
        all.articles.extend(tasks.articles.into_iter().map(|task| (index, task)));
        let Some(documents) = node.source.documents() else { continue };
        let searching = plan.operators.iter().filter(|it| it.inputs.last() == Some(&node.name));
        let searching: BTreeMap<u16, Arc<Searching>> = searching
            .filter_map(|it| Some((it.stage, Arc::clone(plan.searching.get(&it.name)?))))
            .collect();
        let tasks = retrieval::tasks(store.dir(), documents, &searching);
        all.documents.extend(tasks.into_iter().map(|task| (index, task)));
    }
    Ok(all)
}
