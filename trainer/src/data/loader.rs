//! Reads windows ahead of the trainer, on threads, in one order for any number of them.
//!
//! One thread lays out steps and deals them in turn to the others, which read the tokens; the trainer takes from them in
//! the same turn. Every channel holds one batch, so what is in memory is bounded, and a thread whose neighbour is
//! slow waits.

use std::{
    panic,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use crate::{
    data::{
        assemble::Assembler,
        batches::{Batches, Step},
        cursor::Cursor,
        window::Window,
    },
    error::Result,
};

/// The windows of an optimizer step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The windows, in order.
    pub windows: Vec<Window>,
    /// Where training stands after the step: what a checkpoint keeps.
    pub next: Cursor,
}

impl Batch {
    /// Returns the number of tokens that the loss counts.
    pub fn n_learned(&self) -> usize {
        self.windows.iter().map(Window::n_learned).sum()
    }
}

/// Batches from a place on, in order; at most two a thread, and 15 bytes a token, are held in advance.
///
/// The first error is the last item. A thread waits for nothing but the others and the disk; dropping the loader ends
/// them all, and waits for the batches that they are reading.
pub struct Loader {
    /// What every thread has read; the next batch comes from the one whose turn it is.
    batches: Vec<Receiver<Result<Batch>>>,
    turn: usize,
    threads: Vec<JoinHandle<()>>,
}

impl Loader {
    /// Starts to read batches, from a place to the end of so many epochs, on `n_threads` threads (at least one).
    ///
    /// # Errors
    ///
    /// The cursor is of other data, or no thread can be started.
    pub fn start(
        batches: &Arc<Batches>,
        assembler: &Assembler,
        from: Cursor,
        epochs: u32,
        n_threads: usize,
    ) -> Result<Loader> {
        let steps = batches.steps(from, epochs)?;
        let mut loader = Loader { batches: Vec::new(), turn: 0, threads: Vec::new() };
        let mut readers = Vec::new();
        for _ in 0..n_threads.max(1) {
            let (to_reader, dealt) = sync_channel(1);
            let (to_trainer, read) = sync_channel(1);
            let (batches, assembler) = (Arc::clone(batches), assembler.clone());
            loader.spawn(move || read_steps(&batches, &assembler, &dealt, &to_trainer))?;
            loader.batches.push(read);
            readers.push(to_reader);
        }
        loader.spawn(move || deal(steps, &readers))?;
        Ok(loader)
    }

    fn spawn(&mut self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = thread::Builder::new().name("loader".to_owned()).spawn(work)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends the threads; gives what one panicked with, if one did.
    fn close(&mut self) -> thread::Result<()> {
        // Whoever sends now hears that nobody listens, and ends.
        self.batches.clear();
        self.threads.drain(..).map(JoinHandle::join).fold(Ok(()), thread::Result::and)
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let received = self.batches.get(self.turn)?.recv();
        self.turn = (self.turn + 1) % self.batches.len();
        if let Ok(Ok(batch)) = received {
            return Some(Ok(batch));
        }
        // The end, an error, or a bug, which must not look like the end.
        if let Err(panicked) = self.close() {
            panic::resume_unwind(panicked);
        }
        received.ok()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // A panic has been printed by its thread, and the batches are not wanted any more.
        self.close().ok();
    }
}

/// Deals the steps to the readers in turn until there are no more or nobody listens.
fn deal(steps: impl Iterator<Item = Result<Step>>, readers: &[SyncSender<Result<Step>>]) {
    for (step, reader) in steps.zip(readers.iter().cycle()) {
        if reader.send(step).is_err() {
            return;
        }
    }
}

/// Reads the steps that are dealt until there are no more, one fails or nobody listens.
fn read_steps(
    batches: &Batches,
    assembler: &Assembler,
    steps: &Receiver<Result<Step>>,
    trainer: &SyncSender<Result<Batch>>,
) {
    for step in steps {
        let batch = step.and_then(|step| {
            let windows = assembler.windows(batches.rows().as_ref(), &step.layouts)?;
            Ok(Batch { windows, next: step.next })
        });
        let failed = batch.is_err();
        if trainer.send(batch).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
