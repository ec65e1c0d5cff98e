//! What changed between a corpus and the one it replaces, row by row.

use std::collections::BTreeSet;

use crossic_operators::record::Digest;

use super::{
    bucket::{self, Sealed},
    last_build::LastBuild,
};
use crate::{
    config::plan::SinkNode,
    error::Result,
    manifest::Delta,
    sinks::Shard,
    store::{
        memos::{self, DeltaRow},
        row::Row,
        snapshot::SnapshotWriter,
    },
};

/// Writes which rows came and which went since the last build; `None` where the rows of one of the
/// two cannot be told, as in JSON lines without token ids or in another format.
pub(super) fn write(
    last: &LastBuild,
    sink: &SinkNode,
    sealed: &[&Sealed],
    shards: &[Shard],
) -> Result<Option<Delta>> {
    let Some((added, removed)) = moved(last, sink, sealed, shards) else { return Ok(None) };
    let mut writer = SnapshotWriter::create(&sink.sink.dir().join(memos::FOLDER))?;
    for (ids, added) in [(&added, true), (&removed, false)] {
        for id in ids {
            writer.push(DeltaRow { id: *id, added })?;
        }
    }
    let file = writer.finish(DeltaRow::TABLE)?.file;
    let (added, removed) = (added.len() as u64, removed.len() as u64);
    let n_rows: u64 = shards.iter().map(|shard| shard.rows).sum();
    Ok(Some(Delta { added, removed, unchanged: n_rows.saturating_sub(added), file }))
}

/// Returns the rows that came and those that went.
fn moved(
    last: &LastBuild,
    sink: &SinkNode,
    sealed: &[&Sealed],
    shards: &[Shard],
) -> Option<(Vec<Digest>, Vec<Digest>)> {
    let manifest = last.manifest.as_ref()?;
    let records = last.buckets(sink);
    let covered = manifest.shards.iter().all(|shard| records.contains_key(&shard.bucket));
    if covered && !sealed.iter().any(|it| it.unknown) {
        let all = |of: fn(&Sealed) -> &[Digest]| sealed.iter().flat_map(move |it| of(it)).copied();
        return Some((all(|it| &it.added).collect(), all(|it| &it.removed).collect()));
    }
    if manifest.shard_format != sink.sink.format() {
        return None;
    }
    // Rows lie in other buckets than before: both corpora are read.
    let ids = |shards: &[Shard]| -> Option<BTreeSet<Digest>> {
        let mut ids = BTreeSet::new();
        for shard in shards {
            ids.extend(bucket::ids(&*sink.sink, Some(shard))?);
        }
        Some(ids)
    };
    let (before, after) = (ids(&manifest.shards)?, ids(shards)?);
    let difference = |one: &BTreeSet<Digest>, other| one.difference(other).copied().collect();
    Some((difference(&after, &before), difference(&before, &after)))
}
