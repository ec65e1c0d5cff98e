//! Writes the refused links and pairs with their titles, one file of JSON lines a stage.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
};

use crossic_operators::{
    flow::Kind,
    record::{Digest, PageId, SourceIndex, Target},
    reject::{Reject, Subject},
    retrieve::evidence::Evidence,
};
use serde_json::json;

use super::{bucket::Bucket, said::Heard};
use crate::{
    config::Plan,
    error::Result,
    io::Staged,
    sources::Snapshot,
    store::{
        snapshot,
        tables::{LinkRow, PageRow},
        texts::TextStore,
    },
};

/// Writes the rejects of all stages and of the sink's buckets; returns each file and its hash.
pub(super) fn write(
    plan: &Plan,
    dir: &Path,
    store: &TextStore,
    heard: &Heard,
    buckets: &[&Bucket],
) -> Result<BTreeMap<String, String>> {
    let mut by_stage: BTreeMap<u16, Vec<Reject>> = BTreeMap::new();
    let of_buckets = buckets.iter().flat_map(|bucket| &bucket.rejects);
    for reject in heard.rejects.keys().chain(of_buckets) {
        by_stage.entry(reject.stage).or_default().push(*reject);
    }
    let names = Names::read(plan, store, &heard.snapshots, by_stage.values().flatten())?;
    let mut files = BTreeMap::new();
    for (stage, mut rejects) in by_stage {
        rejects.sort();
        let mut staged = Staged::create(&dir.join("rejects"))?;
        for reject in &rejects {
            let mut line = names.line(plan, reject).to_string();
            line.push('\n');
            staged.write_all(line.as_bytes())?;
        }
        let mut file = String::new();
        let (_, hash) = staged.seal(|hash| {
            let digits: String = hash.chars().take(16).collect();
            file = format!("{}-{digits}.jsonl", plan.stage_name(stage));
            file.clone()
        })?;
        files.insert(format!("rejects/{file}"), hash);
    }
    Ok(files)
}

/// Titles of the pages and links that rejects speak of, and how documents were found.
#[derive(Default)]
struct Names {
    pages: BTreeMap<(SourceIndex, PageId), String>,
    links: BTreeMap<(SourceIndex, PageId, SourceIndex, Target), String>,
    documents: BTreeMap<Digest, Evidence>,
}

impl Names {
    /// Looks the titles up in the snapshots, each read once.
    fn read<'a>(
        plan: &Plan,
        store: &TextStore,
        snapshots: &[Snapshot],
        rejects: impl Iterator<Item = &'a Reject>,
    ) -> Result<Names> {
        let mut pages: BTreeSet<(SourceIndex, PageId)> = BTreeSet::new();
        let mut links: BTreeSet<(SourceIndex, PageId)> = BTreeSet::new();
        let mut documents: BTreeSet<Digest> = BTreeSet::new();
        for reject in rejects {
            match reject.subject {
                Subject::Link { source, from, .. } => {
                    pages.insert((source, from));
                    links.insert((source, from));
                }
                Subject::Page { source, page } => drop(pages.insert((source, page))),
                Subject::Pair { english, target } => {
                    pages.extend([english, target]);
                }
                Subject::Web { target, evidence, .. } => {
                    pages.insert(target);
                    documents.insert(evidence);
                }
            }
        }
        let mut names = Names::default();
        let mut text = String::new();
        for digest in documents {
            store.get(digest, &mut text)?;
            names.documents.extend(Evidence::parse(&text).map(|it| (digest, it)));
        }
        let dir = store.dir();
        let sources = plan.sources.iter().zip(0..);
        let wikis = sources.filter(|(node, _)| node.source.writes() == Kind::Wiki);
        let languages: BTreeMap<&str, SourceIndex> =
            wikis.map(|(node, source)| (node.source.info().lang.as_str(), source)).collect();
        for (node, source) in plan.sources.iter().zip(0..) {
            let table = |table: &str| {
                snapshots.iter().find(|it| it.source == node.name && it.table == table)
            };
            if let Some(file) = table("page")
                && pages.range((source, 0)..=(source, PageId::MAX)).next().is_some()
            {
                for row in snapshot::rows::<PageRow>(&dir.join(&file.file))? {
                    let row = row?;
                    if pages.contains(&(source, row.id)) {
                        names.pages.insert((source, row.id), row.title);
                    }
                }
            }
            if let Some(file) = table("langlinks")
                && links.range((source, 0)..=(source, PageId::MAX)).next().is_some()
            {
                for row in snapshot::rows::<LinkRow>(&dir.join(&file.file))? {
                    let row = row?;
                    let to = languages.get(row.lang.as_str()).copied();
                    let to = to.filter(|_| links.contains(&(source, row.from)));
                    let Some(to) = to else { continue };
                    let Some(node) = plan.sources.get(usize::from(to)) else { continue };
                    let target = node.source.title_rules().target(&row.title);
                    names.links.insert((source, row.from, to, target), row.title);
                }
            }
        }
        Ok(names)
    }

    fn line(&self, plan: &Plan, reject: &Reject) -> serde_json::Value {
        let source_name = |source: SourceIndex| {
            plan.sources.get(usize::from(source)).map_or("?", |node| node.name.as_str())
        };
        let page = |it: &(SourceIndex, PageId)| json!({ "source": source_name(it.0), "page": it.1, "title": self.pages.get(it) });
        let (stage, reason) = (plan.stage_name(reject.stage), reject.reason.name());
        match &reject.subject {
            Subject::Link { source, from, to, target } => json!({
                "stage": stage,
                "reason": reason,
                "source": source_name(*source),
                "from": from,
                "from_title": self.pages.get(&(*source, *from)),
                "to": source_name(*to),
                "title": self.links.get(&(*source, *from, *to, *target)),
            }),
            Subject::Page { source, page: id } => json!({
                "stage": stage,
                "reason": reason,
                "target": page(&(*source, *id)),
            }),
            Subject::Pair { english, target } => json!({
                "stage": stage,
                "reason": reason,
                "english": page(english),
                "target": page(target),
            }),
            Subject::Web { documents, target, evidence } => {
                let found = self.documents.get(evidence);
                json!({
                    "stage": stage,
                    "reason": reason,
                    "english": {
                        "source": source_name(*documents),
                        "page": 0,
                        "title": null,
                        "document": found.map(|it| &it.document),
                        "url": found.map(|it| &it.url),
                    },
                    "target": page(target),
                })
            }
        }
    }
}
