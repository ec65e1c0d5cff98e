//! Which packs a corpus needs, and new packs in place of those that are mostly dead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossic_operators::{flow::Kind, record::Digest};

use crate::{
    config::Plan,
    error::Result,
    retrieval::PairedRow,
    sources::{Snapshot, TitleRules},
    store::{
        memos,
        pack::{PackName, PackWriter},
        row::Row,
        snapshot,
        tables::{ArticleRow, LinkRow},
        texts::TextStore,
    },
};

/// A pack of which fewer than one in so many texts are alive is not kept.
const LIVE_ONE_IN: u64 = 2;

/// Sources whose articles' names in a language are asked for, with the language and its titles.
pub(super) type Named = BTreeMap<String, (String, Arc<TitleRules>)>;

/// Returns the sources of a plan whose articles' names are asked for.
pub(super) fn named(plan: &Plan) -> Named {
    let names = plan.sources.iter().filter_map(|node| {
        let lang = plan.names_of(&node.name)?;
        let wiki = plan
            .sources
            .iter()
            .rfind(|it| it.source.writes() == Kind::Wiki && it.source.info().lang == lang)?;
        Some((node.name.clone(), (lang, wiki.source.title_rules())))
    });
    names.collect()
}

/// Returns the names of the packs that hold every text that a rebuild may ask for, sorted: texts
/// and links of the wanted articles, names, documents that were found and why, as `memos` say.
///
/// The live texts of packs that are mostly dead are written into a new one.
pub(super) fn live(
    store: &TextStore,
    snapshots: &[Snapshot],
    named: &Named,
    memos: &[String],
) -> Result<Vec<String>> {
    let mut digests = asked_for(store, snapshots, named)?;
    for memo in memos.iter().filter(|it| it.starts_with(PairedRow::TABLE)) {
        for row in snapshot::rows::<PairedRow>(&store.dir().join(memos::FOLDER).join(memo))? {
            let row = row?;
            digests.extend([row.document, row.evidence]);
        }
    }
    let mut kept: Vec<PackName> = Vec::new();
    let mut moved: Option<PackWriter> = None;
    let mut text = String::new();
    for (name, n_live, n_texts) in store.packs_of(digests.iter().copied())? {
        if n_texts <= n_live * LIVE_ONE_IN {
            kept.push(name);
            continue;
        }
        for digest in store.digests(&name)?.into_iter().filter(|it| digests.contains(it)) {
            let writer = match &mut moved {
                Some(writer) => writer,
                None => moved.insert(PackWriter::create(&store.packs_dir())?),
            };
            store.get(digest, &mut text)?;
            writer.put(digest, &text)?;
        }
    }
    if let Some(name) = moved.map(PackWriter::seal).transpose()?.flatten() {
        kept.push(name);
    }
    let mut names: Vec<String> = kept.into_iter().map(String::from).collect();
    names.sort();
    Ok(names)
}

/// Returns the digests of all texts that a rebuild may ask for.
fn asked_for(store: &TextStore, snapshots: &[Snapshot], named: &Named) -> Result<BTreeSet<Digest>> {
    let mut digests: BTreeSet<Digest> = BTreeSet::new();
    for snapshot in snapshots {
        let path = store.dir().join(&snapshot.file);
        if snapshot.table == ArticleRow::TABLE {
            for row in snapshot::rows::<ArticleRow>(&path)? {
                let row = row?;
                if row.state == "text" {
                    digests.insert(row.digest);
                }
                if row.links != Digest::default() {
                    digests.insert(row.links);
                }
            }
        } else if snapshot.table == LinkRow::TABLE
            && let Some((lang, rules)) = named.get(&snapshot.source)
        {
            for row in snapshot::rows::<LinkRow>(&path)? {
                let row = row?;
                let title = if row.lang == *lang { rules.title(&row.title) } else { None };
                digests.extend(title.map(|it| Digest::of(it.as_bytes())));
            }
        }
    }
    Ok(digests)
}
