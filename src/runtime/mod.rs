//! Runs a plan: dataflow on all workers, then the corpus directories.

mod articles;
mod build;
pub mod directory;
mod failure;
mod inputs;
mod ledger;
mod progress;
mod publish;
mod rejects;
mod said;
mod scan;
mod seal;

use std::{
    collections::{BTreeMap, VecDeque},
    io::IsTerminal,
    sync::{Arc, Mutex},
    time::Duration,
};

use self::{
    articles::Articles,
    build::Run,
    failure::{Alarm, Failure},
    progress::Progress,
    said::Heard,
    scan::{Queue, Tasks},
};
use crate::{
    config::Plan,
    error::{Error, Result},
    manifest::Manifest,
    report::Report,
    sources::{SourceContext, WikiInfo},
    store::texts::TextStore,
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
    let store = Arc::new(TextStore::new(first.sink.dir()));
    let files = inputs::sizes(&plan)?;
    let progress = Progress::new(
        files.iter().map(|file| file.size).sum(),
        settings.progress && std::io::stderr().is_terminal(),
    );
    let wikis: Vec<WikiInfo> = plan.sources.iter().map(|node| node.source.info().clone()).collect();

    let (tables, articles) = tasks(&plan, &store)?;
    let heard = Arc::new(Mutex::new(Heard::default()));
    let failure = Failure::default();
    let run = Run {
        plan: Arc::clone(&plan),
        store: Arc::clone(&store),
        tables: Arc::new(Queue::new(tables)),
        articles: Arc::new(Queue::new(articles)),
        article_rows: Arc::new(Articles::create(
            &store.snapshots_dir(),
            plan.sources.iter().map(|node| node.name.as_str()),
        )?),
        wikis: Arc::new(wikis),
        failure: failure.clone(),
        progress: progress.clone(),
        heard: Arc::clone(&heard),
    };
    let article_rows = Arc::clone(&run.article_rows);
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
    heard.snapshots.extend(article_rows.finish()?);
    heard.snapshots.sort();
    publish::publish(&plan, heard, &store, &files)
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

/// Returns the tasks of all sources: tables, the large ones first, and articles.
fn tasks(
    plan: &Plan,
    store: &Arc<TextStore>,
) -> Result<(Tasks<crate::sources::TableRow>, Tasks<crate::sources::ArticleRow>)> {
    let mut languages = BTreeMap::new();
    for (node, index) in plan.sources.iter().zip(0_u16..) {
        let rules = node.source.title_rules();
        languages.insert(node.source.info().lang.clone(), (index, rules));
    }
    let languages = Arc::new(languages);
    let (mut tables, mut articles) = (VecDeque::new(), VecDeque::new());
    for (node, index) in plan.sources.iter().zip(0_u16..) {
        let cx =
            SourceContext { index, languages: Arc::clone(&languages), store: Arc::clone(store) };
        for task in node.source.table_tasks(&node.name, &cx)? {
            tables.push_back((index, task));
        }
        for task in node.source.article_tasks(&node.name, &cx)? {
            articles.push_back((index, task));
        }
    }
    Ok((tables, articles))
}
