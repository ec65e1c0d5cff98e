//! Runs the part of a plan that asks for documents, in a directory of its own, to measure a
//! threshold; no corpus is read or written.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    Settings,
    build::Run,
    failure::Failure,
    flow, inputs,
    last_build::LastBuild,
    processes::Processes,
    progress::{self, Progress},
    said::Heard,
    scan::Queue,
    tasks,
};
use crate::{
    config::Plan,
    error::Result,
    io,
    retrieval::{self, Listener, Measured, Shelf},
    sources::WikiInfo,
    store::{memos::Answers, texts::TextStore},
};

/// A directory that is removed when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn create(parent: &Path) -> Result<Scratch> {
        io::create_dir(parent)?;
        let dir = parent.join(format!("crossic-calibrate-{}", std::process::id()));
        // One that is there already is somebody else's.
        fs_err::create_dir(&dir)?;
        for part in ["memos", "packs", "snapshots"] {
            io::create_dir(&dir.join(part))?;
        }
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_dir_all(&self.0) {
            progress::note(&format!("{error}"));
        }
    }
}

/// Measures how well the documents of an operator answer its articles; `scratch` is the directory
/// below which everything is kept meanwhile. The plan is one of `config::load_to_calibrate`.
///
/// # Errors
///
/// An input is damaged, the directory cannot be written, or no article has a counterpart.
pub fn calibrate(
    mut plan: Plan,
    operator: &str,
    scratch: &Path,
    settings: &Settings,
) -> Result<Measured> {
    plan.operators.retain(|it| it.name == operator);
    plan.searching.retain(|name, _| name == operator);
    plan.vocabularies.clear();
    plan.sinks.clear();
    let (Some(node), Some(searching)) = (plan.operators.first(), plan.searching.get(operator))
    else {
        unreachable!("the operator is one that searches")
    };
    plan.sources.retain(|it| node.inputs.contains(&it.name));
    let source = plan.sources.iter().find(|it| node.inputs.last() == Some(&it.name));
    let Some(documents) = source.and_then(|it| it.source.documents()) else {
        unreachable!("check asks for documents")
    };
    let shelf = Shelf {
        operator: operator.to_owned(),
        searching: Arc::clone(searching),
        documents: documents.clone(),
    };
    let stage = node.stage;

    let scratch = Scratch::create(scratch)?;
    let store = Arc::new(TextStore::open(&scratch.0, &[])?);
    let listener = Arc::new(Listener::default());
    listen(plan, settings, &store, &listener)?;
    if settings.progress {
        progress::note("all is read; now the articles ask");
    }
    retrieval::measure(&store, &listener, (stage, shelf))
}

/// Reads everything, up to the questions of the articles.
fn listen(
    plan: Plan,
    settings: &Settings,
    store: &Arc<TextStore>,
    listener: &Arc<Listener>,
) -> Result<()> {
    let plan = Arc::new(plan);
    let mut files = inputs::sizes(&plan)?;
    let (processes, mesh) = Processes::join(&plan, settings, &files)?;
    let befores = LastBuild::find(store.dir())?.sources(&plan, &mut files, &progress::note)?;
    let progress = Progress::new(
        files.iter().map(|file| file.size).sum(),
        settings.progress && std::io::stderr().is_terminal(),
    );
    let wikis: Vec<WikiInfo> = plan.sources.iter().map(|node| node.source.info().clone()).collect();
    let tasks = tasks(&plan, store, befores)?;
    let failure = Failure::default();
    let run = Run {
        plan: Arc::clone(&plan),
        store: Arc::clone(store),
        answers: Arc::new(Answers::read(store.dir(), &[])?),
        remembered: Arc::new(Queue::new(tasks.remembered)),
        tables: Arc::new(Queue::new(tasks.tables)),
        articles: Arc::new(Queue::new(tasks.articles)),
        documents: Arc::new(Queue::new(tasks.documents)),
        library: Arc::clone(listener) as Arc<_>,
        threads: settings.workers.max(1),
        last: Vec::new(),
        wikis: Arc::new(wikis),
        failure: failure.clone(),
        progress: progress.clone(),
        heard: Arc::new(Mutex::new(Heard::default())),
    };
    flow(run, settings.workers, (&processes, mesh))?;
    progress.finish();
    match failure.take().or_else(|| store.failure()) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
