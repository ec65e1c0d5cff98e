//! Windows grouped into optimizer steps, laid out from lengths alone: the same for every run, thread and restart.

use std::sync::Arc;

use crossic_operators::record::Digest;

use crate::{
    data::{
        corpus::{CorpusInfo, Rows},
        cursor::Cursor,
        order,
        sampler::{self, Layout, Layouts, Piece, RowLength},
    },
    error::{Error, Result},
    settings::{Sampler, Settings},
};

/// What decides the windows of every step: the rows that are learned, and the settings that group them.
pub struct Batches {
    rows: Arc<dyn Rows>,
    sampler: Sampler,
    /// Tokens of a window at most, the BOS not counted.
    room: u32,
    /// Tokens that every window has beside its rows: the BOS, or none.
    n_bos: u32,
    /// Seed of the shuffle; `None` for the order of the corpus.
    seed: Option<u64>,
    size: BatchSize,
    order: Digest,
}

/// Windows that go into an optimizer step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// So many windows.
    Windows(u64),
    /// Windows until they hold so many tokens, each with its BOS and without padding.
    Tokens(u64),
}

/// How much an epoch holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Optimizer steps.
    pub n_steps: u64,
    /// Windows.
    pub n_windows: u64,
    /// Tokens, those of BOS included, without padding.
    pub n_tokens: u64,
}

/// The windows of an optimizer step, laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The windows, in order.
    pub layouts: Vec<Layout>,
    /// Where training stands after the step.
    pub next: Cursor,
}

impl Batches {
    /// Returns the batches of the rows that are learned.
    ///
    /// # Errors
    ///
    /// There are no rows or too many, a batch is empty, or rows, sampler and N do not fit: see [`sampler::check`].
    pub fn new(rows: Arc<dyn Rows>, info: &CorpusInfo, settings: &Settings) -> Result<Batches> {
        if order::numbers(rows.as_ref())?.is_empty() {
            return Err(Error::refused(
                "there is no row to learn from",
                "see with `crossic inspect` what the corpus holds",
            ));
        }
        let (key, number) = match settings.batch_tokens {
            Some(n_tokens) => ("batch-tokens", n_tokens),
            None => ("batch-windows", settings.batch_windows),
        };
        if number == 0 {
            let what = format!("`{key}` is 0, so no step would learn anything");
            return Err(Error::refused(what, "write a number from 1 on"));
        }
        let n_tokens = settings.tokens.unwrap_or(info.tokens);
        let mut batches = Batches {
            sampler: settings.sampler,
            room: sampler::check(settings.sampler, n_tokens, info, rows.as_ref())?,
            n_bos: u32::from(info.bos_id.is_some()),
            seed: settings.shuffle.then_some(settings.seed),
            size: match settings.batch_tokens {
                Some(n_tokens) => BatchSize::Tokens(n_tokens as u64),
                None => BatchSize::Windows(settings.batch_windows as u64),
            },
            rows,
            order: Digest::default(),
        };
        batches.order = batches.digest();
        Ok(batches)
    }

    /// Returns the digest of all that decides which windows a step has: rows, sampler, N, batch, shuffle. A cursor of
    /// another order is refused.
    pub fn order(&self) -> Digest {
        self.order
    }

    fn digest(&self) -> Digest {
        let mut ids = blake3::Hasher::new();
        for row in 0..self.rows.len() {
            ids.update(&self.rows.id(row).bytes());
        }
        let knobs = format!("{:?}", (self.sampler, self.room, self.n_bos, self.seed, self.size));
        Digest::of_fields(&[knobs.as_bytes(), ids.finalize().as_bytes()])
    }

    /// Returns the rows that are learned; pieces of layouts are numbered among them.
    pub fn rows(&self) -> &Arc<dyn Rows> {
        &self.rows
    }

    /// Returns the place before the first step.
    pub fn start(&self) -> Cursor {
        Cursor { epoch: 0, step: 0, order: self.order }
    }

    /// Returns how much an epoch holds; nothing is read but lengths.
    ///
    /// # Errors
    ///
    /// None that [`Batches::new`] does not report.
    pub fn measure(&self, epoch: u32) -> Result<Measure> {
        let mut layouts = self.layouts(epoch)?;
        let mut measure = Measure::default();
        while let Some(batch) = self.batch(&mut layouts) {
            measure.n_steps += 1;
            measure.n_windows += batch.len() as u64;
            measure.n_tokens += batch.iter().map(|it| self.n_tokens(it)).sum::<u64>();
        }
        Ok(measure)
    }

    /// Returns the number of steps of so many epochs, or `max_steps` if that is less.
    ///
    /// # Errors
    ///
    /// None that [`Batches::new`] does not report.
    pub fn n_steps(&self, epochs: u32, max_steps: Option<u64>) -> Result<u64> {
        let most = max_steps.unwrap_or(u64::MAX);
        let mut n_steps = 0_u64;
        for epoch in 0..epochs {
            if most <= n_steps {
                break;
            }
            n_steps += self.measure(epoch)?.n_steps;
        }
        Ok(n_steps.min(most))
    }

    /// Returns the steps from a place to the end of so many epochs.
    ///
    /// # Errors
    ///
    /// The cursor is of another order.
    pub fn steps(self: &Arc<Self>, from: Cursor, epochs: u32) -> Result<Steps> {
        if from.order != self.order {
            return Err(Error::refused(
                "this run began with other data: the corpus, or a setting that orders its windows, has changed",
                "go on with the corpus and the `[train]` settings the run began with, or begin anew in another `dir`",
            ));
        }
        Ok(Steps { batches: Arc::clone(self), epochs, next: from, layouts: None })
    }

    fn layouts(&self, epoch: u32) -> Result<Layouts<Lengths>> {
        let rows = Arc::clone(&self.rows);
        let order = match self.seed {
            Some(seed) => order::shuffled(rows.as_ref(), seed, epoch)?,
            None => order::numbers(rows.as_ref())?.collect(),
        };
        let lengths = Lengths { rows, order: order.into_iter() };
        Ok(Layouts::new(self.sampler, self.room, lengths))
    }

    /// Takes the windows of the next step; the last one of an epoch may be smaller.
    fn batch(&self, layouts: &mut impl Iterator<Item = Layout>) -> Option<Vec<Layout>> {
        let mut batch = Vec::new();
        let mut n_tokens = 0;
        for layout in layouts {
            n_tokens += self.n_tokens(&layout);
            batch.push(layout);
            let full = match self.size {
                BatchSize::Windows(most) => most <= batch.len() as u64,
                BatchSize::Tokens(least) => least <= n_tokens,
            };
            if full {
                break;
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn n_tokens(&self, layout: &Layout) -> u64 {
        u64::from(self.n_bos) + layout.iter().map(|it| u64::from(Piece::n_tokens(it))).sum::<u64>()
    }
}

/// Lengths of rows, in the order of an epoch.
struct Lengths {
    rows: Arc<dyn Rows>,
    order: std::vec::IntoIter<u32>,
}

impl Iterator for Lengths {
    type Item = RowLength;

    fn next(&mut self) -> Option<RowLength> {
        loop {
            let row = self.order.next()?;
            let length = self.rows.length(row as usize) as u32;
            // A row without tokens has no place in a window.
            if 0 < length {
                return Some(RowLength { row, length });
            }
        }
    }
}

/// The steps from a place on, epoch after epoch.
pub struct Steps {
    batches: Arc<Batches>,
    epochs: u32,
    next: Cursor,
    /// What is left of the epoch of `next`; `None` before it has been laid out.
    layouts: Option<Layouts<Lengths>>,
}

impl Steps {
    /// Lays out the epoch of the cursor, and passes over the steps that are done.
    fn open(&self) -> Result<Layouts<Lengths>> {
        let mut layouts = self.batches.layouts(self.next.epoch)?;
        for _ in 0..self.next.step {
            if self.batches.batch(&mut layouts).is_none() {
                break;
            }
        }
        Ok(layouts)
    }
}

impl Iterator for Steps {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Result<Step>> {
        while self.next.epoch < self.epochs {
            let mut layouts = match self.layouts.take().map_or_else(|| self.open(), Ok) {
                Ok(layouts) => layouts,
                Err(error) => {
                    self.next.epoch = self.epochs;
                    return Some(Err(error));
                }
            };
            match self.batches.batch(&mut layouts) {
                Some(batch) => {
                    self.layouts = Some(layouts);
                    self.next = self.next.after_step();
                    return Some(Ok(Step { layouts: batch, next: self.next }));
                }
                None => self.next = self.next.after_epoch(),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
