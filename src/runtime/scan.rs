//! Reads the sources' tasks inside the dataflow: metered in bytes, shared by the workers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use crossic_operators::{
    flow::Epoch,
    record::{PageId, SourceIndex},
};
use rustc_hash::FxHashMap;
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        Scope, StreamVec,
        channels::pact::Pipeline,
        operators::{
            ConnectLoop, Feedback, Operator,
            core::feedback::Handle,
            generic::{OutputBuilder, builder_rc::OperatorBuilder},
        },
    },
};

use super::{failure::Failure, progress::Progress, said::Said};
use crate::{
    sources::{Task, Wanted},
    work::Work,
};

/// Bytes of input that a source may admit under one epoch.
const EPOCH_BYTES: usize = 8 << 20;

/// Epochs that may be in flight at once.
const EPOCHS: u64 = 3;

/// Tasks that the workers of a process take from, in order, with the source of each.
pub(super) struct Queue<R>(Mutex<Tasks<R>>);

/// Tasks in the order of reading, with the source of each.
pub(super) type Tasks<R> = VecDeque<(SourceIndex, Box<dyn Task<R>>)>;

impl<R> Queue<R> {
    /// Returns a queue of tasks.
    pub(super) fn new(tasks: Tasks<R>) -> Queue<R> {
        Queue(Mutex::new(tasks))
    }

    fn take(&self) -> Option<(SourceIndex, Box<dyn Task<R>>)> {
        self.0.lock().ok()?.pop_front()
    }
}

/// What a scan emits: rows, and what it has to say.
#[derive(Clone, Debug)]
pub(super) enum Scanned<R> {
    /// A row of a source, with its epoch.
    Row(SourceIndex, R, Epoch),
    /// A count or a snapshot.
    Said(Said, i64),
}

/// Pages that operators want, by source, signed; on every worker.
pub(super) type WantedPages<'s> = StreamVec<'s, Epoch, ((SourceIndex, PageId), Epoch, i32)>;

/// What a scan shares with the rest of the run.
pub(super) struct Shared<R> {
    /// Where the tasks are.
    pub queue: Arc<Queue<R>>,
    /// Where errors go.
    pub failure: Failure,
    /// Where progress goes.
    pub progress: Progress,
}

/// The loop that retires the epochs of a scan.
pub(super) struct Retire<'s>(Handle<'s, Epoch, Vec<()>>);

impl<'s> Retire<'s> {
    /// Retires epochs as the frontier of `stream` passes them: everything between the scan and
    /// `stream` is covered by the scan's credit.
    pub(super) fn on<D: Clone + 'static>(self, stream: StreamVec<'s, Epoch, D>) {
        stream
            .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, "Retire", |_, _| {
                |input, _output| input.for_each(|_, _| {})
            })
            .connect_loop(self.0);
    }
}

/// Streams the rows of the queue's tasks under successive epochs.
///
/// It starts when `wanted` is complete, and pauses while more than [`EPOCHS`] epochs are in flight
/// before the stream that [`Retire::on`] is given; frontiers come back over an edge without data.
pub(super) fn scan<'s, R: Clone + 'static>(
    scope: Scope<'s, Epoch>,
    name: &str,
    shared: Shared<R>,
    wanted: WantedPages<'s>,
) -> (StreamVec<'s, Epoch, Scanned<R>>, Retire<'s>) {
    let (retire, retired) = scope.feedback::<Vec<()>>(1);
    let mut builder = OperatorBuilder::new(name.to_owned(), scope);
    // No input declares a path to the output: frontiers are watched, times are the scan's own.
    let _retired = builder.new_input_connection(retired, Pipeline, []);
    let mut wanted = builder.new_input_connection(wanted, Pipeline, []);
    let (output, stream) = builder.new_output_connection([]);
    let mut output =
        OutputBuilder::<Epoch, CapacityContainerBuilder<Vec<Scanned<R>>>>::from(output);
    let activator = scope.activator_for(builder.operator_info().address);

    builder.build(move |mut capabilities| {
        let mut capability = capabilities.pop();
        let mut net: FxHashMap<(SourceIndex, PageId), i32> = FxHashMap::default();
        let mut sets: Option<FxHashMap<SourceIndex, Wanted>> = None;
        let mut current: Option<(SourceIndex, Box<dyn Task<R>>, u64)> = None;
        let mut rows = Vec::new();
        move |frontiers| {
            wanted.for_each(|_, pages| {
                for (page, _, diff) in pages.drain(..) {
                    *net.entry(page).or_insert(0) += diff;
                }
            });
            let Some(cap) = capability.as_mut() else { return };
            // While it waits it follows what it waits for, lest that wait for its credit.
            let ahead = frontiers[1].frontier().iter().min().copied();
            if let Some(ahead) = ahead {
                if *cap.time() < ahead {
                    cap.downgrade(&ahead);
                }
                return;
            }
            let sets = sets.get_or_insert_with(|| {
                let mut sets: FxHashMap<SourceIndex, Wanted> = FxHashMap::default();
                for ((source, page), n) in std::mem::take(&mut net) {
                    if 0 < n {
                        sets.entry(source).or_default().0.insert(page);
                    }
                }
                sets
            });
            // The feedback edge adds one: epoch t is retired once the frontier has passed t + 1.
            let in_flight = |t: u64| frontiers[0].less_equal(&(t + 1));
            if cap.time().checked_sub(EPOCHS).is_some_and(in_flight) {
                return;
            }
            let (source, mut task, before) = match current
                .take()
                .or_else(|| shared.queue.take().map(|(source, task)| (source, task, 0)))
            {
                Some(taken) if !shared.failure.is_set() => taken,
                _ => {
                    capability = None;
                    return;
                }
            };
            let wanted = sets.entry(source).or_default();
            let step = task.step(EPOCH_BYTES, wanted, &mut rows);
            let Some(more) = shared.failure.catch(step) else {
                capability = None;
                return;
            };
            let now = task.bytes_read();
            shared.progress.add(now.saturating_sub(before));

            let mut handle = output.activate();
            let mut session = handle.session(&*cap);
            let time = *cap.time();
            session.give_iterator(rows.drain(..).map(|row| Scanned::Row(source, row, time)));
            for (what, n) in task.counts() {
                session.give(Scanned::Said(Said::Source(source, what), n as i64));
            }
            let work = task.work();
            if work != Work::default() {
                session.give(Scanned::Said(Said::Work(Box::new(work)), 1));
            }
            for memo in task.memos() {
                session.give(Scanned::Said(Said::Memo(memo), 1));
            }
            if let Some(snapshot) = task.snapshot() {
                session.give(Scanned::Said(Said::Snapshot(snapshot), 1));
            }
            drop(session);
            if more {
                current = Some((source, task, now));
            }
            let next = cap.time() + 1;
            cap.downgrade(&next);
            activator.activate();
        }
    });

    (stream, Retire(retire))
}
