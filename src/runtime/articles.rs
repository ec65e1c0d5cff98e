//! The articles snapshot of each source: what is known of every wanted page.

use std::path::PathBuf;

use crossic_operators::{
    flow::Epoch,
    record::{PageId, SourceIndex},
};
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        StreamVec,
        channels::pact::Exchange,
        operators::{Capability, Operator},
    },
};

use super::{failure::Failure, said::Said};
use crate::{
    error::Result,
    sources::{Reading, Snapshot},
    store::{snapshot::SnapshotWriter, tables::ArticleRow},
};

/// Writes one snapshot a source, each on one worker; says the name of each when all is known.
pub(super) fn write<'s>(
    known: StreamVec<'s, Epoch, (SourceIndex, PageId, Reading)>,
    dir: PathBuf,
    sources: Vec<String>,
    failure: Failure,
) -> StreamVec<'s, Epoch, (Said, i64)> {
    let scope = known.scope();
    let (me, peers) = (scope.index(), scope.peers());
    let exchange =
        Exchange::new(|(source, ..): &(SourceIndex, PageId, Reading)| u64::from(*source));
    known.unary_frontier::<CapacityContainerBuilder<Vec<(Said, i64)>>, _, _, _>(
        exchange,
        "Articles snapshot",
        move |capability, _| {
            let mut capability: Option<Capability<Epoch>> = Some(capability);
            let mut writers: Vec<Option<SnapshotWriter<ArticleRow>>> =
                sources.iter().map(|_| None).collect();
            move |(input, frontier), output| {
                input.for_each(|_, rows| {
                    for (source, page, reading) in rows.drain(..) {
                        let Some(writer) = writers.get_mut(usize::from(source)) else { continue };
                        let pushed = push(writer, &dir, reading.row(page));
                        if failure.catch(pushed).is_none() {
                            break;
                        }
                    }
                });
                if !frontier.is_empty() {
                    return;
                }
                let Some(capability) = capability.take().filter(|_| !failure.is_set()) else {
                    return;
                };
                let mut session = output.session(&capability);
                let mine = sources.iter().zip(&mut writers).enumerate();
                for (_, (source, writer)) in mine.filter(|(index, _)| index % peers == me) {
                    let writer = writer.take().map_or_else(|| create(&dir), Ok);
                    let snapshot = writer.and_then(|writer| Snapshot::finish(writer, source));
                    if let Some(snapshot) = failure.catch(snapshot) {
                        session.give((Said::Snapshot(snapshot), 1));
                    }
                }
            }
        },
    )
}

fn create(dir: &std::path::Path) -> Result<SnapshotWriter<ArticleRow>> {
    Ok(SnapshotWriter::create(dir)?)
}

fn push(
    writer: &mut Option<SnapshotWriter<ArticleRow>>,
    dir: &std::path::Path,
    row: ArticleRow,
) -> Result<()> {
    let writer = match writer {
        Some(writer) => writer,
        None => writer.insert(create(dir)?),
    };
    Ok(writer.push(row)?)
}
