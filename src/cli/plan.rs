//! `crossic plan`: the graph, the knobs and the size of the work; nothing is touched.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crossic_operators::flow::Kind;
use serde_json::json;

use super::{
    PipelineArgs,
    corpus::Corpus,
    plan_retrieval,
    plan_skips::{self, Skips},
    train_facts::TrainFacts,
};
use crate::{
    config::{self, Plan, plan::Resolved},
    error::Result,
    report::numbers::{counted, thousands},
    retrieval::Cost,
    sources::LinkNumbers,
    storage,
};

/// The arguments of `crossic plan`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: crossic plan pipelines/crossic-wiki.toml --set operators.windows.tokens=8192"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Bytes of cleaned text that one core tokenises in a second, in the order of magnitude
/// (docs/performance.md); and compressed bytes of XML that one core decompresses and cleans.
const TEXT_RATE: f64 = 3e6;
const BZIP2_RATE: f64 = 9e6;
/// Cleaned text of all articles, in relation to the compressed XML.
const TEXT_SHARE: f64 = 1.5;

/// What a source holds.
#[derive(Default)]
struct Size {
    tables: u64,
    articles: u64,
    /// Bytes of files of web documents.
    documents: u64,
    /// Links into each other language of the pipeline: as many pages are wanted at most.
    links: LinkNumbers,
    /// What the indexes of its articles save.
    skips: Option<Skips>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let plan = config::load(&args.pipeline.file, &args.pipeline.sets)?;
    let mut sizes = BTreeMap::new();
    let wikis = || plan.sources.iter().filter(|node| node.source.writes() == Kind::Wiki);
    let languages: Vec<String> = wikis().map(|node| node.source.info().lang.clone()).collect();
    for node in &plan.sources {
        let is_wiki = node.source.writes() == Kind::Wiki;
        let others: Vec<String> =
            languages.iter().filter(|lang| **lang != node.source.info().lang).cloned().collect();
        let links = if is_wiki { node.source.count_links(&others)? } else { LinkNumbers::new() };
        let mut size = Size { links, ..Size::default() };
        for path in node.source.files() {
            let n_bytes = storage::size(&path)?;
            if !is_wiki {
                size.documents += n_bytes;
                continue;
            }
            let name = path.to_string_lossy();
            let table = name.ends_with(".sql") || name.ends_with(".sql.gz");
            *(if table { &mut size.tables } else { &mut size.articles }) += n_bytes;
        }
        sizes.insert(node.name.as_str(), size);
    }
    let last = last_build(&plan)?;
    let links =
        wikis().filter_map(|node| sizes.get(node.name.as_str()).map(|size| (node, &size.links)));
    let n_links = plan_skips::n_links(links);
    for node in wikis() {
        let n_links = n_links.get(&node.source.info().lang).copied().unwrap_or(0);
        let skips = Skips::of(&node.name, node.source.as_ref(), last.as_ref(), n_links)?;
        if let Some(size) = sizes.get_mut(node.name.as_str()) {
            size.skips = skips;
        }
    }
    let train = TrainFacts::of(&plan)?.map(TrainFacts::with_steps).transpose()?;
    let costs = plan_retrieval::costs(&plan)?;
    let out = &mut io::stdout().lock();
    match args.json {
        true => write_json(out, &plan, (&sizes, &costs), train.as_ref()),
        false => write_text(out, &plan, (&sizes, &costs), train.as_ref()),
    }
}

/// Returns the corpus of the last build of this plan, where there is one.
///
/// The first sink's directory holds the snapshots, for all sinks.
fn last_build(plan: &Plan) -> Result<Option<Corpus>> {
    let Some(node) = plan.sinks.first() else { return Ok(None) };
    let digest = plan.resolved(node).digest().to_string();
    let corpus = Corpus::find(node.sink.place())?;
    Ok(corpus
        .filter(|corpus| corpus.manifest.is_of_this_layout())
        .filter(|corpus| corpus.manifest.plan_digest == digest))
}

/// Core seconds that reading and, at most, tokenising will take.
fn estimate(sizes: &BTreeMap<&str, Size>) -> (f64, f64) {
    let articles: u64 = sizes.values().map(|size| size.articles).sum();
    let skipped: u64 =
        sizes.values().filter_map(|size| size.skips.as_ref()).map(Skips::n_bytes).sum();
    let read = articles.saturating_sub(skipped) as f64 / BZIP2_RATE;
    (read, articles as f64 * TEXT_SHARE / TEXT_RATE)
}

fn write_json(
    out: &mut impl Write,
    plan: &Plan,
    (sizes, costs): (&BTreeMap<&str, Size>, &[(&str, Cost)]),
    train: Option<&TrainFacts<'_>>,
) -> Result<()> {
    let (read, tokenise) = estimate(sizes);
    let sinks: BTreeMap<&str, serde_json::Value> = plan
        .sinks
        .iter()
        .map(|node| {
            let resolved = plan.resolved(node);
            let digest = resolved.digest().to_string();
            (
                node.name.as_str(),
                json!({ "dir": node.sink.place(), "plan_digest": digest, "plan": resolved }),
            )
        })
        .collect();
    let sources: BTreeMap<&str, serde_json::Value> = plan
        .sources
        .iter()
        .filter_map(|node| {
            let size = sizes.get(node.name.as_str())?;
            let entry = json!({
                "wiki": node.source.info(),
                "table_bytes": size.tables,
                "article_bytes": size.articles,
                "document_bytes": size.documents,
                "links": size.links,
                "skips": size.skips.as_ref().map(Skips::json),
                "files": node.source.files(),
                "notes": node.source.notes(),
            });
            Some((node.name.as_str(), entry))
        })
        .collect();
    let document = json!({
        "sources": sources,
        "sinks": sinks,
        "retrieval": costs.iter().copied().collect::<BTreeMap<_, _>>(),
        "train": train.map(TrainFacts::json),
        "estimate": { "reading_core_seconds": read, "tokenising_core_seconds_at_most": tokenise },
    });
    Ok(writeln!(out, "{document:#}")?)
}

fn write_text(
    out: &mut impl Write,
    plan: &Plan,
    (sizes, costs): (&BTreeMap<&str, Size>, &[(&str, Cost)]),
    train: Option<&TrainFacts<'_>>,
) -> Result<()> {
    writeln!(out, "profile {}", plan.profile.name())?;
    for node in &plan.sources {
        let info = node.source.info();
        let Some(size) = sizes.get(node.name.as_str()) else { continue };
        if node.source.writes() == Kind::Documents {
            writeln!(out, "\n{} ({}): {}, in {}", node.name, node.kind, info.wiki, info.lang)?;
            let n_files = counted(node.source.files().len() as u64, "file");
            writeln!(out, "  reads  {n_files} of documents, {}", bytes(size.documents))?;
            write_knobs(out, &node.source.knobs())?;
            continue;
        }
        writeln!(out, "\n{} ({}): {} of {}", node.name, node.kind, info.wiki, info.date)?;
        writeln!(
            out,
            "  reads  {} of tables, {} of articles",
            bytes(size.tables),
            bytes(size.articles)
        )?;
        let links: Vec<String> =
            size.links.iter().map(|(lang, n)| format!("{} to {lang}", thousands(*n))).collect();
        writeln!(out, "  links  {}", links.join(", "))?;
        for (label, line) in size.skips.iter().flat_map(Skips::lines) {
            writeln!(out, "  {label:<6} {line}")?;
        }
        write_knobs(out, &node.source.knobs())?;
        for note in node.source.notes() {
            writeln!(out, "  note   {note}")?;
        }
    }
    for node in &plan.operators {
        writeln!(out, "\n{} ({}) <- {}", node.name, node.kind, node.inputs.join(", "))?;
        write_knobs(out, &node.operator.knobs())?;
        if let Some(vocabulary) = node.operator.tokenizer().and_then(|it| plan.vocabularies.get(it))
        {
            writeln!(out, "  tokenizer of {} ids", thousands(u64::from(vocabulary.size())))?;
        }
        for (_, cost) in costs.iter().filter(|(name, _)| *name == node.name) {
            for (label, line) in plan_retrieval::lines(cost) {
                writeln!(out, "  {label:<6} {line}")?;
            }
        }
    }
    for node in &plan.sinks {
        writeln!(out, "\n{} ({}) <- {}", node.name, node.kind, node.input)?;
        writeln!(out, "  writes {}", node.sink.place().display())?;
        write_knobs(out, &node.sink.knobs())?;
        let resolved: Resolved = plan.resolved(node);
        writeln!(out, "  plan   {}", resolved.digest())?;
        match Corpus::find(node.sink.place())? {
            Some(corpus) if corpus.manifest.plan_digest == resolved.digest().to_string() => {
                writeln!(out, "  holds  a corpus of this plan, which will be replaced")?;
            }
            Some(_) => writeln!(out, "  holds  a corpus of another plan: the build will refuse")?,
            None => {}
        }
    }
    if let Some(train) = train {
        writeln!(out, "\ntrain")?;
        for (label, line) in train.lines() {
            writeln!(out, "  {label:<6} {line}")?;
        }
    }
    let (read, tokenise) = estimate(sizes);
    let links: u64 = sizes.values().flat_map(|size| &size.links).map(|(_, n)| n).sum();
    // Of these pages the texts are read, and of each found documents make some pairs at most.
    let top = plan.operators.iter().filter_map(|it| it.operator.retrieval()).map(|it| it.top);
    match top.max() {
        None => {
            writeln!(
                out,
                "\nwanted: at most {} pages, for at most as many pairs",
                thousands(links)
            )?;
        }
        Some(top) => writeln!(
            out,
            "\nwanted: at most {} pages, and at most {top} documents for each article",
            thousands(links)
        )?,
    }
    writeln!(
        out,
        "estimate: {:.0} core seconds to read, at most {:.0} to tokenise if every article is paired",
        read.ceil(),
        tokenise.ceil()
    )?;
    Ok(())
}

fn write_knobs(out: &mut impl Write, knobs: &BTreeMap<String, serde_json::Value>) -> Result<()> {
    let knobs: Vec<String> =
        knobs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if !knobs.is_empty() {
        writeln!(out, "  knobs  {}", knobs.join(", "))?;
    }
    Ok(())
}

fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}
