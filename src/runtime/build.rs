//! Plan to dataflow: the same graph, built in the same order, on every worker.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crossic_operators::{
    context::{Context, Gathered, Resources},
    flow::{Epoch, Flow, Rows, Wiki},
    record::SourceIndex,
};
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        ProbeHandle, Scope, StreamVec,
        channels::pact::Exchange,
        operators::{
            Concatenate, ConnectLoop, Feedback, Inspect, Operator, Probe,
            core::OkErr,
            generic::operator::empty,
            vec::{Broadcast, Map, Partition},
        },
    },
};

use super::{
    articles::Articles,
    failure::Failure,
    progress::Progress,
    said::{Heard, Said},
    scan::{Queue, Scanned, Shared, scan},
    seal::{Sealing, seal},
};
use crate::{
    config::Plan,
    sources::{ArticleRow, TableRow, WikiInfo},
    store::texts::TextStore,
};

/// Everything that the workers of a process share.
pub(super) struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) store: Arc<TextStore>,
    pub(super) tables: Arc<Queue<TableRow>>,
    pub(super) articles: Arc<Queue<ArticleRow>>,
    pub(super) article_rows: Arc<Articles>,
    pub(super) wikis: Arc<Vec<WikiInfo>>,
    pub(super) failure: Failure,
    pub(super) progress: Progress,
    pub(super) heard: Arc<Mutex<Heard>>,
}

/// Builds the whole dataflow of one worker.
pub(super) fn build(scope: Scope<'_, Epoch>, run: &Run) -> ProbeHandle<Epoch> {
    let n_sources = run.plan.sources.len();
    let (want, wanted) = scope.feedback(1);

    let shared = Shared {
        queue: run.tables.clone(),
        failure: run.failure.clone(),
        progress: run.progress.clone(),
    };
    let (scanned, retire_tables) = scan(scope, "Tables", shared, empty(scope));
    let (rows, tables_said) = split(scanned);
    let tables = rows.partition(4 * n_sources as u64, |((source, row), time, diff)| {
        let table = match row {
            TableRow::Title(_) => 0,
            TableRow::Langlink(_) => 1,
            TableRow::Redirect(_) => 2,
            TableRow::Disambiguation(_) => 3,
        };
        (4 * u64::from(source) + table, (row, time, diff))
    });

    let shared = Shared {
        queue: run.articles.clone(),
        failure: run.failure.clone(),
        progress: run.progress.clone(),
    };
    let (scanned, retire_articles) = scan(scope, "Articles", shared, wanted);
    let (rows, articles_said) = split(scanned);
    let (keep, failure) = (Arc::clone(&run.article_rows), run.failure.clone());
    let rows = rows.inspect(move |((source, row), _, _)| {
        failure.catch(keep.push(*source, *row));
    });
    let articles = rows.partition(n_sources as u64, |((source, row), time, diff)| {
        (u64::from(source), (row, time, diff))
    });

    let mut flows: BTreeMap<&str, Flow<'_>> = BTreeMap::new();
    let mut tables = tables.into_iter();
    for ((node, articles), source) in run.plan.sources.iter().zip(articles).zip(0..) {
        let mut table = || tables.next().unwrap_or_else(|| empty(scope));
        let wiki = wiki(source, [table(), table(), table(), table()], articles);
        flows.insert(&node.name, Flow::Wiki(wiki));
    }

    let resources =
        Resources { texts: run.store.clone(), vocabularies: run.plan.vocabularies.clone() };
    let gathered = Gathered::default();
    for node in &run.plan.operators {
        let cx = Context::new(scope, node.stage, resources.clone(), gathered.clone());
        let inputs = node.inputs.iter().filter_map(|name| flows.get(name.as_str()).cloned());
        let flow = node.operator.build(&cx, inputs.collect());
        flows.insert(&node.name, flow);
    }

    let wanted = gathered.wanted(scope).consolidate().inner;
    retire_tables.on(wanted.clone());
    wanted.broadcast().connect_loop(want);

    let mut said = vec![
        tables_said,
        articles_said,
        gathered.outcomes(scope).map(|(outcome, n)| (Said::Outcome(outcome), n)),
    ];
    let mut pairs = Vec::new();
    for (index, node) in run.plan.sinks.iter().enumerate() {
        let Some(flow) = flows.get(node.input.as_str()).cloned() else { continue };
        let windows = flow.windows();
        pairs.push(windows.pairs.inner.clone());
        let sealing = Sealing {
            index,
            stage: run.plan.windows_of(node).map_or(0, |operator| operator.stage),
            sink: Arc::clone(&node.sink),
            wikis: Arc::clone(&run.wikis),
            texts: run.store.clone(),
            failure: run.failure.clone(),
            progress: run.progress.clone(),
        };
        said.push(seal(windows, sealing).map(|said| (said, 1)));
    }
    retire_articles.on(scope.concatenate(pairs));
    hear(scope.concatenate(said), Arc::clone(&run.heard)).probe().0
}

/// The rows of a scan, and what it said.
type Split<'s, R> =
    (StreamVec<'s, Epoch, ((SourceIndex, R), Epoch, i32)>, StreamVec<'s, Epoch, (Said, i64)>);

fn split<'s, R: Clone + 'static>(scanned: StreamVec<'s, Epoch, Scanned<R>>) -> Split<'s, R> {
    scanned.ok_err(|scanned| match scanned {
        Scanned::Row(row) => Ok(row),
        Scanned::Said(said, n) => Err((said, n)),
    })
}

/// Gives each table its type again; the partition has put nothing else into its stream.
fn wiki<'s>(
    source: SourceIndex,
    [titles, links, redirects, disambiguations]: [StreamVec<'s, Epoch, (TableRow, Epoch, i32)>; 4],
    articles: StreamVec<'s, Epoch, (ArticleRow, Epoch, i32)>,
) -> Wiki<'s> {
    let titles = Rows::new(titles).flat_map(|row| match row {
        TableRow::Title(title) => Some(title),
        _ => None,
    });
    let links = Rows::new(links).flat_map(|row| match row {
        TableRow::Langlink(link) => Some(link),
        _ => None,
    });
    let redirects = Rows::new(redirects).flat_map(|row| match row {
        TableRow::Redirect(redirect) => Some(redirect),
        _ => None,
    });
    let disambiguations = Rows::new(disambiguations).flat_map(|row| match row {
        TableRow::Disambiguation(page) => Some(page),
        _ => None,
    });
    Wiki { source, titles, links, redirects, disambiguations, articles: Rows::new(articles) }
}

/// Gathers on worker 0 all that is said.
fn hear<'s>(
    said: StreamVec<'s, Epoch, (Said, i64)>,
    heard: Arc<Mutex<Heard>>,
) -> StreamVec<'s, Epoch, ()> {
    said.unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Exchange::new(|_: &(Said, i64)| 0),
        "Hear",
        move |_, _| {
            move |input, _output| {
                input.for_each(|_, said| {
                    if let Ok(mut heard) = heard.lock() {
                        for (said, times) in said.drain(..) {
                            heard.hear(said, times);
                        }
                    }
                });
            }
        },
    )
}
