//! Publishes the corpora of a run: rejects, report, card, and last of all the manifest.

use std::{collections::BTreeMap, io::Write, path::Path};

use crossic_operators::{
    context::Measure,
    flow::Kind,
    split_windows::{Config, Splitter, Variant},
};

use super::{
    Built,
    bucket::{Bucket, Sealed},
    delta,
    inputs::{self, Input},
    last_build::LastBuild,
    ledger, packs, previous,
    processes::Processes,
    rejects,
    said::Heard,
};
use crate::{
    config::{Plan, plan::SinkNode},
    error::{Error, Result},
    garbage,
    io::{self, Staged},
    manifest::{self, FORMAT, Manifest, RowKind, SourceInfo, TokenizerInfo, Totals},
    report::{Report, card, ledger::imbalances, page, statistics::Statistics},
    sinks::Shard,
    store::{memos, texts::TextStore},
};

/// What the corpora of a run have in common.
struct Common<'a> {
    /// The texts and snapshots, in the directory of the first sink.
    store: &'a TextStore,
    packs: Vec<String>,
    /// Files in `memos/` with the answers of all processes.
    answers: Vec<String>,
    sources: BTreeMap<String, SourceInfo>,
    processes: &'a Processes,
}

/// Publishes every sink's corpus.
pub(super) fn publish(
    plan: &Plan,
    heard: Heard,
    store: &TextStore,
    (answers, inputs): (Vec<String>, &mut [Input]),
    processes: &Processes,
) -> Result<Vec<Built>> {
    let last = LastBuild::find(store.dir())?;
    something_came(plan, &heard, last.manifest.as_ref())?;
    let packs = packs::live(store, &heard.snapshots, &packs::named(plan), &heard.memos)?;
    let mut sources = BTreeMap::new();
    for node in &plan.sources {
        let template_aliases = last.template_aliases(node, inputs)?;
        let files = inputs::hashes(inputs, &node.name)?;
        let info = node.source.info().clone();
        let documents = node.source.writes() == Kind::Documents;
        sources.insert(node.name.clone(), SourceInfo { info, documents, template_aliases, files });
    }
    let common = Common { store, packs, answers, sources, processes };
    let sinks = plan.sinks.iter().enumerate();
    sinks.map(|sink| publish_one(plan, sink, &heard, &common)).collect()
}

fn publish_one(
    plan: &Plan,
    (index, sink): (usize, &SinkNode),
    heard: &Heard,
    common: &Common<'_>,
) -> Result<Built> {
    let dir = sink.sink.dir();
    let mut sealed: Vec<&Sealed> =
        heard.buckets.iter().filter(|it| it.bucket.sink == index).collect();
    sealed.sort_by_key(|it| it.bucket.shard.as_ref().map(|shard| shard.bucket));
    let mut buckets: Vec<&Bucket> = sealed.iter().map(|it| &it.bucket).collect();
    buckets.sort_by_key(|bucket| bucket.shard.as_ref().map(|shard| shard.bucket));
    let shards: Vec<Shard> = buckets.iter().filter_map(|bucket| bucket.shard.clone()).collect();
    let mut statistics = Statistics::default();
    for bucket in &buckets {
        statistics.merge(&bucket.statistics);
    }
    let ledger = ledger::ledger(plan, sink, heard, &buckets);
    if let Some(off) = imbalances(&ledger) {
        return Err(Error::Ledger(off));
    }
    let splitter = splitter(plan, sink);
    if statistics.rows == 0 {
        return Err(nothing_fits(&splitter, &buckets));
    }

    let report = Report {
        ledger,
        rejects: reject_counts(plan, heard, &buckets),
        links: ledger::links(plan, heard),
        residue: ledger::residue(plan, heard),
        statistics,
        notes: notes(plan, heard),
    };
    // The store is the first sink's: other corpora are complete without packs and snapshots.
    let own_store = dir == common.store.dir();
    let resolved = plan.resolved(sink);
    let corpus_digest = manifest::corpus_digest(&shards).to_string();
    let last = Manifest::find(dir)?;
    let mut memos: Vec<String> = sealed.iter().flat_map(|it| it.memos.clone()).collect();
    if own_store {
        memos.extend_from_slice(&common.answers);
        memos.extend_from_slice(&heard.memos);
    }
    let (parent, delta) = match &last {
        // Nothing changed: a rerun leaves what it found.
        Some(last) if last.corpus_digest == corpus_digest => {
            (last.parent.clone(), last.delta.clone())
        }
        Some(last) => {
            let before = LastBuild { dir: dir.to_owned(), manifest: Some(last.clone()) };
            (Some(last.corpus_digest.clone()), delta::write(&before, sink, &sealed, &shards)?)
        }
        None => (None, None),
    };
    memos.extend(delta.iter().map(|it| it.file.clone()));
    memos.sort();
    memos.dedup();
    let mut manifest = Manifest {
        format: FORMAT,
        crossic: env!("CARGO_PKG_VERSION").to_owned(),
        plan_digest: resolved.digest().to_string(),
        corpus_digest,
        plan: resolved,
        rows: match splitter.config().variant {
            Variant::Crossic => RowKind::Segments,
            Variant::Mix | Variant::Mono => RowKind::Documents,
        },
        shard_format: sink.sink.format().to_owned(),
        tokens: splitter.config().tokens as u64,
        tokenizer: tokenizer(dir, &splitter)?,
        sources: common.sources.clone(),
        totals: Totals {
            pairs: report.statistics.pairs,
            rows: report.statistics.rows,
            tokens: report.statistics.tokens,
        },
        shards,
        packs: if own_store { common.packs.clone() } else { Vec::new() },
        memos,
        snapshots: if own_store { heard.snapshots.clone() } else { Vec::new() },
        files: rejects::write(plan, dir, common.store, heard, &buckets)?,
        parent,
        delta,
    };
    let json = serde_json::to_string_pretty(&report)
        .unwrap_or_else(|_| unreachable!("a report is plain data"));
    let json = format!("{json}\n");
    let (name, hash) = seal_report(dir, &json)?;
    manifest.files.insert(name, hash);
    // Until here, nothing of the last corpus has changed.
    common.processes.all_well()?;
    if let Some(last) = last.filter(|last| last.corpus_digest != manifest.corpus_digest) {
        previous::keep(dir, &last)?;
    }
    manifest.write(dir)?;
    // Copies for people: a build that ends here makes them again.
    for (name, text) in [
        ("report.json", json),
        ("README.md", card::card(&manifest, &report)),
        ("report.html", page::page(&manifest, &report)),
    ] {
        io::replace(&dir.join(name), text.as_bytes())?;
    }
    collect_garbage(dir, &manifest)?;
    let (dir, work) = (dir.to_owned(), heard.work);
    Ok(Built { sink: sink.name.clone(), dir, manifest, report, work })
}

/// Makes the report durable under a name that carries its hash; returns both.
fn seal_report(dir: &Path, json: &str) -> Result<(String, String)> {
    let mut staged = Staged::create(&dir.join(memos::FOLDER))?;
    staged.write_all(json.as_bytes())?;
    let mut name = String::new();
    let (_, hash) = staged.seal(|hash| {
        let digits: String = hash.chars().take(16).collect();
        name = format!("report-{digits}.json");
        name.clone()
    })?;
    Ok((format!("{}/{name}", memos::FOLDER), hash))
}

fn splitter(plan: &Plan, sink: &SinkNode) -> Splitter {
    let operator = plan.windows_of(sink).map(|node| &node.operator);
    let splitter = operator.and_then(|operator| {
        let knobs = serde_json::to_value(operator.knobs()).ok()?;
        let config: Config = serde_json::from_value(knobs).ok()?;
        let vocabulary = plan.vocabularies.get(operator.tokenizer()?)?;
        Splitter::new(config, vocabulary.clone()).ok()
    });
    splitter.unwrap_or_else(|| unreachable!("check has made one of these knobs already"))
}

/// Copies the tokenizer, so that a corpus can be read without the file it was made with.
fn tokenizer(dir: &Path, splitter: &Splitter) -> Result<TokenizerInfo> {
    let bytes = fs_err::read(&splitter.config().tokenizer)?;
    let hash = io::hash_reader(&mut bytes.as_slice())?;
    let digits: String = hash.chars().take(16).collect();
    let file = format!("tokenizer-{digits}.json");
    io::replace(&dir.join(&file), &bytes)?;
    let closing = splitter.closing();
    Ok(TokenizerInfo {
        file,
        hash,
        size: splitter.vocabulary().size(),
        closing: closing.text.clone(),
        closing_id: closing.id,
        closing_added: closing.added,
        bos_id: splitter.vocabulary().bos(),
    })
}

fn reject_counts(
    plan: &Plan,
    heard: &Heard,
    buckets: &[&Bucket],
) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let of_buckets = buckets.iter().flat_map(|bucket| &bucket.rejects).map(|reject| (reject, 1));
    for (reject, n) in heard.rejects.iter().map(|(reject, n)| (reject, *n)).chain(of_buckets) {
        let stage = counts.entry(plan.stage_name(reject.stage).to_owned()).or_default();
        *stage.entry(reject.reason.name().to_owned()).or_default() += n as u64;
    }
    counts
}

/// What a user should know of the inputs.
fn notes(plan: &Plan, heard: &Heard) -> Vec<String> {
    let mut notes = Vec::new();
    for (node, source) in plan.sources.iter().zip(0..) {
        notes.extend(node.source.notes());
        for (what, text) in [
            ("page/malformed", "malformed rows of `page`, left out"),
            ("langlinks/malformed", "malformed rows of `langlinks`, left out"),
            ("redirect/malformed", "malformed rows of `redirect`, left out"),
        ] {
            match heard.sources.get(&(source, what.to_owned())) {
                Some(n) if 0 < *n => {
                    notes.push(format!("{}: {n} {text}", node.source.info().wiki));
                }
                _ => {}
            }
        }
    }
    notes
}

/// Makes sure that links were found for every target language, or, where documents are searched,
/// articles with an English title to ask for. A rebuild does not go on without
/// them either: it would replace a corpus by what a build from scratch refuses to make.
fn something_came(plan: &Plan, heard: &Heard, last: Option<&Manifest>) -> Result<()> {
    let joins = plan.operators.iter().filter(|it| it.operator.retrieval().is_none());
    for node in joins {
        let Some((english, targets)) = node.inputs.split_first() else { continue };
        let position = |name: &String| plan.sources.iter().position(|it| it.name == *name);
        let Some(english) = position(english).and_then(|at| plan.sources.get(at)) else { continue };
        let retrieves = node.operator.retrieval().is_some();
        let needed = if retrieves { Measure::PagesIn } else { Measure::LinksIn };
        let is_wiki =
            |at: &usize| plan.sources.get(*at).is_some_and(|it| it.source.writes() == Kind::Wiki);
        for (target, index) in
            targets.iter().filter_map(|it| Some((it, position(it).filter(is_wiki)?)))
        {
            let sum = |wanted: Measure| -> i64 {
                let of = heard.tallies.iter().filter(|(tally, _)| {
                    tally.stage == node.stage
                        && usize::from(tally.target) == index
                        && tally.measure == wanted
                });
                of.map(|(_, n)| *n).sum()
            };
            if sum(needed) == 0 {
                let (from, to) = (english.source.info(), plan.sources.get(index));
                let lang = to.map_or("?", |node| node.source.info().lang.as_str());
                let before = to.and_then(|to| last?.source_of_wiki(&to.source.info().wiki));
                return Err(Error::Nothing {
                    what: match retrieves {
                        false => format!(
                            "the `langlinks` tables hold no link between `{}` and `{lang}` (source `{target}`)",
                            from.lang
                        ),
                        true => format!(
                            "the `langlinks` table of `{lang}` (source `{target}`) names no title in `{}` to ask for",
                            from.lang
                        ),
                    },
                    hint: match before {
                        None => format!(
                            "check that both dumps are of the wikis you mean: {} and {lang}wiki",
                            from.wiki
                        ),
                        Some(_) => format!(
                            "the last build found some, and its corpus stays as it is: take \
                             another dump if these tables are cut off, or leave out `{target}`"
                        ),
                    },
                });
            }
        }
    }
    Ok(())
}

fn nothing_fits(splitter: &Splitter, buckets: &[&Bucket]) -> Error {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for reject in buckets.iter().flat_map(|bucket| &bucket.rejects) {
        *reasons.entry(reject.reason.name()).or_default() += 1;
    }
    let tokens = splitter.config().tokens;
    if reasons.contains_key("titles-too-long") {
        return Error::Nothing {
            what: format!(
                "no pair fits: titles leave no room for text in segments of {tokens} tokens"
            ),
            hint: "raise `tokens` of the window operator".to_owned(),
        };
    }
    Error::Nothing {
        what: "no pair is left to make segments of".to_owned(),
        hint: "see `crossic plan` for the knobs in force: a filter or a link policy refuses all of them"
            .to_owned(),
    }
}

/// Removes what the manifest does not name: leavings of stopped builds and of earlier corpora.
fn collect_garbage(dir: &Path, manifest: &Manifest) -> Result<()> {
    for (path, _) in garbage::unnamed(dir, manifest)? {
        fs_err::remove_file(path)?;
    }
    Ok(())
}
