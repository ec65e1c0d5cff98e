//! The windows of a corpus as what the loop learns from.

use crate::{
    data::{loader::Loader, prepare::Prepared, window::Window},
    error::Result,
    run::learner::{Batch, Batches, Cursor},
    settings::Settings,
};

/// Threads that read windows ahead.
const N_READERS: usize = 1;

/// The batches of a run, read ahead.
pub(super) struct Windows {
    prepared: Prepared,
    loader: Option<Loader>,
    epochs: u32,
    n_steps: u64,
    /// Steps of an epoch, for the share of one that is done.
    n_steps_of_epoch: u64,
}

impl Windows {
    /// Counts the steps of a run and stands at its beginning.
    ///
    /// # Errors
    ///
    /// There are more steps than can be counted.
    pub(super) fn new(prepared: Prepared, settings: &Settings) -> Result<Windows> {
        let n_steps = prepared.batches.n_steps(settings.epochs, settings.max_steps)?;
        let n_steps_of_epoch = prepared.batches.measure(0)?.n_steps.max(1);
        let epochs = settings.epochs;
        Ok(Windows { prepared, loader: None, epochs, n_steps, n_steps_of_epoch })
    }
}

impl Batches for Windows {
    fn n_steps(&self) -> u64 {
        self.n_steps
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        let mut place = self.prepared.batches.start();
        (place.epoch, place.step) = (cursor.epoch, cursor.done);
        let Prepared { batches, assembler, .. } = &self.prepared;
        self.loader = Some(Loader::start(batches, assembler, place, self.epochs, N_READERS)?);
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        if self.loader.is_none() {
            self.seek(Cursor::default())?;
        }
        let Some(batch) = self.loader.as_mut().and_then(Iterator::next) else { return Ok(None) };
        let batch = batch?;
        let cursor = Cursor { epoch: batch.next.epoch, done: batch.next.step };
        let share = cursor.done as f64 / self.n_steps_of_epoch as f64;
        let epoch = f64::from(cursor.epoch) + share.min(1.0);
        Ok(Some(Batch { windows: batch.windows, cursor, epoch }))
    }

    fn validation(&mut self) -> Result<Vec<Window>> {
        Ok(self.prepared.validation.clone())
    }
}
