//! Which packs a corpus needs, and new packs in place of those that are mostly dead.

use std::collections::BTreeSet;

use crossic_operators::record::{Digest, Pair};

use crate::{
    error::Result,
    sources::Snapshot,
    store::{
        pack::{PackName, PackWriter},
        row::Row,
        snapshot,
        tables::ArticleRow,
        texts::TextStore,
    },
};

/// A pack of which fewer than one in so many texts are alive is not kept.
const LIVE_ONE_IN: u64 = 2;

/// Returns the names of the packs that hold every text of the wanted articles, and these `others`,
/// sorted.
///
/// The live texts of packs that are mostly dead are written into a new one.
pub(super) fn live(
    store: &TextStore,
    snapshots: &[Snapshot],
    others: impl IntoIterator<Item = Digest>,
) -> Result<Vec<String>> {
    let mut digests: BTreeSet<Digest> = others.into_iter().collect();
    for snapshot in snapshots.iter().filter(|it| it.table == ArticleRow::TABLE) {
        for row in snapshot::rows::<ArticleRow>(&store.dir().join(&snapshot.file))? {
            let row = row?;
            if row.state == "text" {
                digests.insert(row.digest);
            }
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

/// Returns the keys in the packs of the documents of some pairs and of how they were found, sorted.
pub(super) fn of_pairs<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Vec<Digest> {
    let of_pair = |pair: &Pair| Some([pair.english.identity().text()?, pair.evidence]);
    let mut texts: Vec<Digest> = pairs.filter_map(of_pair).flatten().collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
