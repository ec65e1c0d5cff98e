//! Reads one table of a dump and merges it with the last build's rows: only what changed goes on.
//!
//! Tables come sorted by their primary key, so that one pass over both sides finds the changes. A
//! row that comes out of order is told as new, and its twin of the last build as gone: the two
//! cancel in the dataflow, which does not ask for an order.

use std::{cmp::Ordering, iter::Peekable, path::Path, sync::Arc};

use super::{
    Remembered, Signed, Snapshot, SourceContext, SourceCounts, TableRow, Task, Tasks, Wanted,
};
use crate::{
    clock::{self, Activity},
    dump::sql,
    error::Result,
    store::{StoreError, arrow_file::RowReader, row::Row, snapshot::SnapshotWriter},
};

/// What becomes of a row of a table.
pub(super) enum Read<S> {
    /// It is counted under a reason.
    Skip(&'static str),
    /// It goes into the snapshot and the dataflow.
    Keep(S),
}

/// What a row of a snapshot is in the dataflow; `None` where no pipeline component asks for it.
pub(super) type Record<S> = Arc<dyn Fn(&S) -> Option<TableRow> + Send + Sync>;

/// Keeps something of the rows of a table beside the dataflow.
pub(super) trait Aside<S>: Send {
    /// Takes a row of the table, whether or not the last build knew it.
    fn put(&mut self, row: &S) -> Result<()>;

    /// Makes all that was kept readable, at the end of the table.
    fn seal(&mut self) -> Result<()>;
}

/// Adds the tasks of one table: the rows of the last build, and the table itself.
pub(super) fn add<S, F>(
    tasks: &mut Tasks,
    (source, cx): (&str, &SourceContext),
    (path, columns): (&Path, &[&str]),
    record: Record<S>,
    aside: Option<Box<dyn Aside<S>>>,
    read: F,
) -> Result<()>
where
    S: Row + Ord + Send + 'static,
    F: FnMut(&sql::Row<'_>, &mut Vec<u8>) -> Read<S> + Send + 'static,
{
    if let Some(rows) = cx.before.rows::<S>()? {
        tasks.remembered.push(Box::new(RememberedRows { rows, record: record.clone() }));
    }
    tasks.tables.push(Box::new(TableTask {
        source: source.to_owned(),
        table: sql::Table::open(path, S::TABLE, columns)?,
        read,
        record,
        aside,
        before: cx.before.rows::<S>()?.map(Iterator::peekable),
        snapshot: Some(SnapshotWriter::create(&cx.store.snapshots_dir())?),
        finished: None,
        counts: SourceCounts::new(),
        buffer: Vec::new(),
    }));
    Ok(())
}

/// Reads the rows of the last build.
struct RememberedRows<S> {
    rows: RowReader<S>,
    record: Record<S>,
}

impl<S: Row + Send> Task<Remembered> for RememberedRows<S> {
    fn step(&mut self, budget: usize, _: &Wanted, rows: &mut Vec<Remembered>) -> Result<bool> {
        let _clock = clock::start(Activity::Remember);
        for _ in 0..budget / size_of::<Remembered>() {
            let Some(row) = self.rows.next() else { return Ok(false) };
            rows.extend((self.record)(&row?).map(Remembered::Table));
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        0
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts::new()
    }
}

/// Reads one table of one dump.
struct TableTask<S: Row, F> {
    source: String,
    table: sql::Table,
    read: F,
    record: Record<S>,
    aside: Option<Box<dyn Aside<S>>>,
    before: Option<Peekable<RowReader<S>>>,
    snapshot: Option<SnapshotWriter<S>>,
    finished: Option<Snapshot>,
    counts: SourceCounts,
    buffer: Vec<u8>,
}

impl<S: Row + Ord, F> TableTask<S, F> {
    fn count(&mut self, what: &str, n: u64) {
        *self.counts.entry(format!("{}/{what}", S::TABLE)).or_insert(0) += n;
    }
}

/// Passes the rows of the last build that come before `row`, telling them as gone; returns whether
/// `row` itself was there.
fn merge<S: Row + Ord>(
    before: &mut Peekable<RowReader<S>>,
    row: Option<&S>,
    record: &Record<S>,
    rows: &mut Vec<Signed<TableRow>>,
) -> std::result::Result<bool, StoreError> {
    loop {
        let order = match (before.peek(), row) {
            (None, _) => return Ok(false),
            (Some(Ok(old)), Some(row)) => old.cmp(row),
            (Some(_), _) => Ordering::Less,
        };
        if order == Ordering::Greater {
            return Ok(false);
        }
        let Some(old) = before.next().transpose()? else { return Ok(false) };
        if order == Ordering::Equal {
            return Ok(true);
        }
        rows.extend(record(&old).map(|row| (row, -1)));
    }
}

impl<S, F> Task<Signed<TableRow>> for TableTask<S, F>
where
    S: Row + Ord + Send + 'static,
    F: FnMut(&sql::Row<'_>, &mut Vec<u8>) -> Read<S> + Send + 'static,
{
    fn step(
        &mut self,
        budget: usize,
        _: &Wanted,
        rows: &mut Vec<Signed<TableRow>>,
    ) -> Result<bool> {
        let _clock = clock::start(Activity::Tables);
        let start = self.table.position().text;
        let (mut n_read, mut n_kept, mut skips) = (0, 0, [("", 0_u64); 4]);
        let more = loop {
            let Some(row) = self.table.next_row()? else { break false };
            n_read += 1;
            match (self.read)(&row, &mut self.buffer) {
                Read::Skip(reason) => {
                    let slot = skips.iter_mut().find(|it| it.0 == reason || it.0.is_empty());
                    if let Some(slot) = slot {
                        *slot = (reason, slot.1 + 1);
                    }
                }
                Read::Keep(kept) => {
                    n_kept += 1;
                    let known = match &mut self.before {
                        Some(before) => merge(before, Some(&kept), &self.record, rows)?,
                        None => false,
                    };
                    if !known {
                        rows.extend((self.record)(&kept).map(|row| (row, 1)));
                    }
                    if let Some(aside) = &mut self.aside {
                        aside.put(&kept)?;
                    }
                    if let Some(snapshot) = &mut self.snapshot {
                        snapshot.push(kept)?;
                    }
                }
            }
            // The position costs a little, so it is asked for now and then.
            if n_read % 256 == 0 && (budget as u64) < self.table.position().text - start {
                break true;
            }
        };
        self.count("read", n_read);
        self.count("kept", n_kept);
        for (reason, n) in skips.into_iter().filter(|(reason, _)| !reason.is_empty()) {
            self.count(reason, n);
        }
        if !more && let Some(snapshot) = self.snapshot.take() {
            if let Some(before) = &mut self.before {
                merge(before, None, &self.record, rows)?;
            }
            if let Some(mut aside) = self.aside.take() {
                aside.seal()?;
            }
            let malformed = self.table.malformed();
            self.count("read", malformed);
            self.count("malformed", malformed);
            self.finished = Some(Snapshot::finish(snapshot, &self.source)?);
        }
        Ok(more)
    }

    fn bytes_read(&self) -> u64 {
        self.table.bytes_read()
    }

    fn counts(&mut self) -> SourceCounts {
        std::mem::take(&mut self.counts)
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        self.finished.take()
    }
}
