//! Plan to dataflow: the same graph, built in the same order, on every worker.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crossic_operators::{
    context::{Context, Gathered, Resources},
    flow::{Documents, Epoch, Flow, Kind, Rows, Wiki},
    record::{Article, Digest, PageId, SourceIndex},
    retrieve::library::{EncodedFile, Library},
};
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        ProbeHandle, Scope, StreamVec,
        channels::pact::Exchange,
        operators::{
            Concat, Concatenate, ConnectLoop, Feedback, Operator, Probe,
            core::OkErr,
            generic::operator::empty,
            vec::{Broadcast, Map, Partition},
        },
    },
};

use super::{
    articles,
    bucket::Record,
    failure::Failure,
    progress::Progress,
    reconcile::{Reconciled, reconcile},
    said::{Heard, Said},
    scan::{Queue, Scanned, Shared, scan},
    seal::{Sealing, seal},
};
use crate::{
    config::{Plan, plan::SinkNode},
    sources::{Finding, Remembered, Signed, TableRow, WikiInfo},
    store::{memos::Answers, texts::TextStore},
};

/// Everything that the workers of a process share.
pub(super) struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) store: Arc<TextStore>,
    pub(super) answers: Arc<Answers>,
    pub(super) remembered: Arc<Queue<Remembered>>,
    pub(super) tables: Arc<Queue<Signed<TableRow>>>,
    pub(super) articles: Arc<Queue<Finding>>,
    pub(super) documents: Arc<Queue<EncodedFile>>,
    pub(super) library: Arc<dyn Library>,
    pub(super) threads: usize,
    pub(super) last: Vec<Arc<BTreeMap<u32, Record>>>,
    pub(super) wikis: Arc<Vec<WikiInfo>>,
    pub(super) failure: Failure,
    pub(super) progress: Progress,
    pub(super) heard: Arc<Mutex<Heard>>,
}

impl Run {
    fn share<R>(&self, queue: &Arc<Queue<R>>) -> Shared<R> {
        Shared {
            queue: Arc::clone(queue),
            failure: self.failure.clone(),
            progress: self.progress.clone(),
        }
    }
}

/// Builds the whole dataflow of one worker.
///
/// It goes through three phases: what the last build knew, what changed in the tables, and, when
/// the wanted pages are known, what changed in the articles.
pub(super) fn build(scope: Scope<'_, Epoch>, run: &Run) -> ProbeHandle<Epoch> {
    let n_sources = run.plan.sources.len();
    let (want, wanted) = scope.feedback(1);

    let (scanned, retire_remembered) =
        scan(scope, "Remembered", run.share(&run.remembered), empty(scope));
    let (remembered, _) = split(scanned);
    let (remembered_rows, remembered_articles) =
        remembered.ok_err(|(source, row, time)| match row {
            Remembered::Table(row) => Ok(((source, row), time, 1)),
            Remembered::Article(page, reading) => Err((source, page, reading)),
        });

    // No row of it goes on, only its frontier: changes follow what they change.
    let remembered_all = remembered_rows.clone().flat_map(|_| None);
    let (scanned, retire_tables) = scan(scope, "Tables", run.share(&run.tables), remembered_all);
    let (rows, tables_said) = split(scanned);
    let rows = rows.map(|(source, (row, diff), time)| ((source, row), time, diff));
    let rows = rows.concat(remembered_rows);
    let tables = rows.partition(4 * n_sources as u64, |((source, row), time, diff)| {
        let table = match row {
            TableRow::Title(_) => 0,
            TableRow::Langlink(_) => 1,
            TableRow::Redirect(_) => 2,
            TableRow::Disambiguation(_) => 3,
        };
        (4 * u64::from(source) + table, (row, time, diff))
    });

    let (scanned, retire_articles) = scan(scope, "Articles", run.share(&run.articles), wanted);
    let (findings, articles_said) = split(scanned);
    let findings = findings.map(|(source, finding, _)| (source, finding));
    let (want_net, wanted_net) = scope.feedback(1);
    let (changes, known): (_, StreamVec<'_, Epoch, Reconciled>) =
        reconcile(remembered_articles, wanted_net, findings).ok_err(|it| match it {
            Reconciled::Change(change) => Ok(change),
            other => Err(other),
        });
    let (known, known_said): (_, StreamVec<'_, Epoch, (Said, i64)>) = known.ok_err(|it| match it {
        Reconciled::Known(source, page, reading) => Ok((source, page, reading)),
        Reconciled::Said(said, n) => Err((said, n)),
        Reconciled::Change(_) => unreachable!("changes have been taken out"),
    });
    let names = run.plan.sources.iter().map(|node| node.name.clone()).collect();
    let articles_known =
        articles::write(known, run.store.snapshots_dir(), names, run.failure.clone());
    let articles = changes.partition(n_sources as u64, |((source, row), time, diff)| {
        (u64::from(source), (row, time, diff))
    });

    let (scanned, retire_documents) =
        scan(scope, "Documents", run.share(&run.documents), empty(scope));
    let (encoded, documents_said) = split(scanned);
    retire_documents.on(encoded.clone());

    let mut flows: BTreeMap<&str, Flow<'_>> = BTreeMap::new();
    let mut tables = tables.into_iter();
    for ((node, articles), source) in run.plan.sources.iter().zip(articles).zip(0..) {
        let mut table = || tables.next().unwrap_or_else(|| empty(scope));
        if node.source.writes() == Kind::Documents {
            let files =
                encoded.clone().flat_map(move |(from, file, _)| (from == source).then_some(file));
            let documents = Documents { source, files };
            flows.insert(&node.name, Flow::Documents(documents));
            continue;
        }
        let wiki = wiki(source, [table(), table(), table(), table()], articles);
        flows.insert(&node.name, Flow::Wiki(wiki));
    }

    let resources = Resources {
        texts: run.store.clone(),
        memo: run.answers.clone(),
        vocabularies: run.plan.vocabularies.clone(),
        library: run.library.clone(),
        threads: run.threads,
    };
    let gathered = Gathered::default();
    for node in &run.plan.operators {
        let cx = Context::new(scope, node.stage, resources.clone(), gathered.clone());
        let inputs = node.inputs.iter().filter_map(|name| flows.get(name.as_str()).cloned());
        let flow = node.operator.build(&cx, inputs.collect());
        flows.insert(&node.name, flow);
    }

    let wanted = gathered.wanted(scope).consolidate().inner;
    retire_tables.on(wanted.clone());
    wanted.clone().broadcast().connect_loop(want);
    wanted.connect_loop(want_net);

    let mut said = vec![
        tables_said,
        articles_said,
        documents_said,
        articles_known,
        known_said,
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
            windows: windows_digest(&run.plan, node),
            sink: Arc::clone(&node.sink),
            last: run.last.get(index).cloned().unwrap_or_default(),
            wikis: Arc::clone(&run.wikis),
            texts: run.store.clone(),
            failure: run.failure.clone(),
            progress: run.progress.clone(),
        };
        said.push(seal(windows, sealing).map(|said| (said, 1)));
    }
    if run.plan.sinks.is_empty() {
        // Nobody takes the pairs, but they retire the epochs all the same.
        let made = flows.into_values().filter_map(|flow| match flow {
            Flow::Pairs(pairs) => Some(pairs.inner),
            _ => None,
        });
        pairs.extend(made);
    }
    let pairs = scope.concatenate(pairs);
    retire_remembered.on(pairs.clone());
    retire_articles.on(pairs);
    hear(scope.concatenate(said), Arc::clone(&run.heard)).probe().0
}

/// Returns the digest of the knobs and the tokenizer that decide the rows of a pair.
fn windows_digest(plan: &Plan, sink: &SinkNode) -> Digest {
    let resolved = plan.resolved(sink);
    let operator = resolved.operators.get(&sink.input).map(|it| format!("{:?}", it.knobs));
    let tokenizer = resolved.tokenizers.get(&sink.input).cloned();
    Digest::of_fields(&[
        env!("CARGO_PKG_VERSION").as_bytes(),
        operator.unwrap_or_default().as_bytes(),
        tokenizer.unwrap_or_default().as_bytes(),
    ])
}

/// The rows of a scan, and what it said.
type Split<'s, R> =
    (StreamVec<'s, Epoch, (SourceIndex, R, Epoch)>, StreamVec<'s, Epoch, (Said, i64)>);

fn split<'s, R: Clone + 'static>(scanned: StreamVec<'s, Epoch, Scanned<R>>) -> Split<'s, R> {
    scanned.ok_err(|scanned| match scanned {
        Scanned::Row(source, row, time) => Ok((source, row, time)),
        Scanned::Said(said, n) => Err((said, n)),
    })
}

/// Gives each table its type again; the partition has put nothing else into its stream.
fn wiki<'s>(
    source: SourceIndex,
    [titles, links, redirects, disambiguations]: [StreamVec<'s, Epoch, (TableRow, Epoch, i32)>; 4],
    articles: StreamVec<'s, Epoch, ((PageId, Article), Epoch, i32)>,
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
