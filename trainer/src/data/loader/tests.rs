//! One order for any number of threads, errors in their place, and no thread that stays.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    time::Duration,
};

use crossic_operators::record::Digest;

use super::*;
use crate::{
    data::{
        corpus::{Row, RowKind, Rows},
        packed_rows::PackedRows,
        testing::{info, row, rows_of},
    },
    error::Error,
    settings::{Sampler, Settings},
};

/// Runs on a thread, and fails if it takes so long that it must hang.
fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || sender.send(work()));
    let result = receiver.recv_timeout(Duration::from_secs(60));
    result.unwrap_or_else(|error| panic!("{error}; has it panicked: {}", thread.is_finished()))
}

fn settings(sampler: Sampler) -> Settings {
    Settings { batch_windows: 3, sampler, ..Settings::default() }
}

fn batches(rows: Arc<dyn Rows>, sampler: Sampler) -> (Arc<Batches>, Assembler) {
    let (info, settings) = (info(RowKind::Segments), settings(sampler));
    let batches = Batches::new(rows, &info, &settings).unwrap();
    (Arc::new(batches), Assembler::new(&info, &settings).unwrap())
}

fn lengths() -> Vec<usize> {
    (0..150).map(|it| 1 + it * 17 % 63).collect()
}

/// What comes without any thread.
fn read_at_once(batches: &Arc<Batches>, assembler: &Assembler, epochs: u32) -> Vec<Batch> {
    let steps = batches.steps(batches.start(), epochs).unwrap();
    let read = |step: Result<Step>| {
        let step = step.unwrap();
        let windows = assembler.windows(batches.rows().as_ref(), &step.layouts).unwrap();
        Batch { windows, next: step.next }
    };
    steps.map(read).collect()
}

#[test]
fn any_number_of_threads_gives_one_order_from_the_disk_as_from_memory() {
    within_a_minute(|| {
        let run = tempfile::tempdir().unwrap();
        let mut rows = lengths().into_iter().enumerate().map(|(n, it)| Ok(row(n as u32, it)));
        let info = info(RowKind::Segments);
        let packed: Arc<dyn Rows> =
            Arc::new(PackedRows::write(run.path(), &info, &mut rows, &mut |_, _| ()).unwrap());
        for sampler in [Sampler::SplitAligned, Sampler::BestFit, Sampler::ConcatChop] {
            let (in_memory, assembler) = batches(rows_of(&lengths()), sampler);
            let expected = read_at_once(&in_memory, &assembler, 2);
            assert!(40 < expected.len());
            let (on_disk, assembler) = batches(Arc::clone(&packed), sampler);
            for n_threads in 0..=4 {
                let loader = Loader::start(&on_disk, &assembler, on_disk.start(), 2, n_threads);
                let found: Vec<_> = loader.unwrap().map(Result::unwrap).collect();
                assert_eq!(found, expected, "{sampler:?} on {n_threads} threads");
            }
            for (number, batch) in expected.iter().enumerate() {
                let loader = Loader::start(&on_disk, &assembler, batch.next, 2, 2);
                let found: Vec<_> = loader.unwrap().map(Result::unwrap).collect();
                assert_eq!(found, expected[number + 1..], "{sampler:?} after step {number}");
            }
        }
    });
}

/// Rows of which one cannot be read, and that count how often any is read.
struct Broken {
    rows: Arc<dyn Rows>,
    broken: Option<Digest>,
    panics: bool,
    n_read: Arc<AtomicUsize>,
}

impl Rows for Broken {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn length(&self, row: usize) -> usize {
        self.rows.length(row)
    }

    fn id(&self, row: usize) -> Digest {
        self.rows.id(row)
    }

    fn pair(&self, row: usize) -> Digest {
        self.rows.pair(row)
    }

    fn read(&self, row: usize) -> Result<Row> {
        self.n_read.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics, "a bug in reading");
        match self.broken {
            Some(id) if id == self.rows.id(row) => Err(Error::refused("this row is broken", "")),
            _ => self.rows.read(row),
        }
    }
}

fn broken(broken: Option<Digest>, panics: bool) -> Broken {
    Broken { rows: rows_of(&lengths()), broken, panics, n_read: Arc::default() }
}

#[test]
fn an_error_comes_in_its_place_and_is_the_last() {
    within_a_minute(|| {
        let (whole, assembler) = batches(rows_of(&lengths()), Sampler::SplitAligned);
        let expected = read_at_once(&whole, &assembler, 1);
        for bad in [0, 1, 5, expected.len() - 1] {
            let id = expected[bad].windows[0].rows[0];
            let (batches, assembler) =
                batches(Arc::new(broken(Some(id), false)), Sampler::SplitAligned);
            for n_threads in 1..=4 {
                let from = batches.start();
                let mut loader = Loader::start(&batches, &assembler, from, 1, n_threads).unwrap();
                for batch in &expected[..bad] {
                    assert_eq!(&loader.next().unwrap().unwrap(), batch);
                }
                let error = loader.next().unwrap().unwrap_err();
                assert!(error.to_string().contains("broken"), "{error}");
                assert!(loader.next().is_none() && loader.next().is_none());
                assert!(loader.threads.is_empty());
            }
        }
    });
}

#[test]
fn a_panic_of_a_thread_does_not_look_like_the_end() {
    within_a_minute(|| {
        let (batches, assembler) = batches(Arc::new(broken(None, true)), Sampler::SplitAligned);
        let mut loader = Loader::start(&batches, &assembler, batches.start(), 1, 2).unwrap();
        let result = panic::catch_unwind(panic::AssertUnwindSafe(|| loader.next()));
        assert!(result.is_err());
    });
}

#[test]
fn a_loader_reads_no_more_than_it_may_hold_and_ends_when_it_is_dropped() {
    within_a_minute(|| {
        for n_threads in 1..=4 {
            for n_taken in 0..4 {
                let rows = broken(None, false);
                let n_read = Arc::clone(&rows.n_read);
                let (batches, assembler) = batches(Arc::new(rows), Sampler::SplitAligned);
                let at_once = batches.steps(batches.start(), 9).unwrap().map(Result::unwrap);
                // Two a thread in advance, and those that were taken.
                let most = at_once.take(2 * n_threads + n_taken).flat_map(|it| it.layouts.concat());
                let most = most.count();
                let from = batches.start();
                let mut loader = Loader::start(&batches, &assembler, from, 9, n_threads).unwrap();
                for _ in 0..n_taken {
                    loader.next().unwrap().unwrap();
                }
                drop(loader);
                let n_read = n_read.load(Ordering::SeqCst);
                assert!(n_read <= most, "{n_read} rows read, {most} are the most");
                // The threads have let go of the batches.
                assert_eq!(Arc::strong_count(&batches), 1);
            }
        }
    });
}
