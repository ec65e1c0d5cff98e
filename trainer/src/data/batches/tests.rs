//! Steps against a list that is made at once, and every restart against going on.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::data::{
    corpus::RowKind,
    testing::{info, rows_of},
};

fn settings() -> Settings {
    Settings { batch_windows: 3, tokens: Some(64), ..Settings::default() }
}

fn batches(lengths: &[usize], settings: &Settings) -> Arc<Batches> {
    let rows = rows_of(lengths);
    Arc::new(Batches::new(rows, &info(RowKind::Segments), settings).unwrap())
}

fn steps_from(batches: &Arc<Batches>, from: Cursor, epochs: u32) -> Vec<Step> {
    batches.steps(from, epochs).unwrap().map(Result::unwrap).collect()
}

fn some_settings() -> impl Strategy<Value = Settings> {
    let sampler =
        prop_oneof![Just(Sampler::SplitAligned), Just(Sampler::BestFit), Just(Sampler::ConcatChop)];
    let size = prop_oneof![
        (1_usize..5).prop_map(|it| (it, None)),
        (1_usize..300).prop_map(|it| (1, Some(it)))
    ];
    (sampler, size, any::<bool>(), any::<u64>()).prop_map(
        |(sampler, (batch_windows, batch_tokens), shuffle, seed)| {
            let tokens = Some(64);
            Settings { sampler, batch_windows, batch_tokens, shuffle, seed, tokens, ..settings() }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_restart_at_any_step_goes_on_as_if_nothing_had_been(
        lengths in prop::collection::vec(1_usize..=63, 1..60), settings in some_settings(),
    ) {
        let batches = batches(&lengths, &settings);
        let all = steps_from(&batches, batches.start(), 3);
        for (number, step) in all.iter().enumerate() {
            let text = serde_json::to_string(&step.next).unwrap();
            let cursor = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&steps_from(&batches, cursor, 3), &all[number + 1..]);
        }
        prop_assert_eq!(batches.n_steps(3, None).unwrap(), all.len() as u64);
        for most in 0..=all.len() as u64 + 1 {
            prop_assert_eq!(batches.n_steps(3, Some(most)).unwrap(), most.min(all.len() as u64));
        }
        // More epochs change nothing of those before.
        prop_assert_eq!(&steps_from(&batches, batches.start(), 4)[..all.len()], &all[..]);
    }

    #[test]
    fn every_epoch_learns_every_token_once_in_full_batches(
        lengths in prop::collection::vec(1_usize..=63, 1..60), settings in some_settings(),
    ) {
        let batches = batches(&lengths, &settings);
        let mut last = BTreeMap::new();
        let mut seen: BTreeMap<(u32, u32, u32), u32> = BTreeMap::new();
        let mut measured: BTreeMap<u32, Measure> = BTreeMap::new();
        for step in steps_from(&batches, batches.start(), 2) {
            // A batch is full, and would not be without its last window; only the last of an epoch may be smaller.
            if let Some(before) = last.insert(step.next.epoch, step.layouts.clone()) {
                let tokens = |it: &[Layout]| it.iter().map(|it| batches.n_tokens(it)).sum::<u64>();
                match settings.batch_tokens {
                    None => prop_assert_eq!(before.len(), settings.batch_windows),
                    Some(least) => {
                        prop_assert!(least as u64 <= tokens(&before));
                        prop_assert!(tokens(&before[1..]) < least as u64 || tokens(&before[..before.len() - 1]) < least as u64);
                    }
                }
            }
            let measure = measured.entry(step.next.epoch).or_default();
            measure.n_steps += 1;
            measure.n_windows += step.layouts.len() as u64;
            for layout in &step.layouts {
                measure.n_tokens += 1;
                for piece in layout {
                    measure.n_tokens += u64::from(piece.n_tokens());
                    for token in piece.start..piece.end {
                        *seen.entry((step.next.epoch, piece.row, token)).or_default() += 1;
                    }
                }
            }
        }
        let expected: usize = 2 * lengths.iter().sum::<usize>();
        prop_assert_eq!(seen.len(), expected);
        prop_assert!(seen.values().all(|it| *it == 1));
        for (epoch, measure) in measured {
            prop_assert_eq!(batches.measure(epoch).unwrap(), measure);
        }
    }
}

fn rows_seen(steps: &[Step], epoch: u32) -> Vec<u32> {
    let steps = steps.iter().filter(|it| it.next.epoch == epoch);
    steps.flat_map(|it| it.layouts.concat()).map(|it| it.row).collect()
}

#[test]
fn epochs_differ_if_shuffled_and_keep_the_order_of_the_corpus_if_not() {
    let shuffled = batches(&[20; 40], &settings());
    let steps = steps_from(&shuffled, shuffled.start(), 2);
    assert_ne!(rows_seen(&steps, 0), rows_seen(&steps, 1));
    let plain = batches(&[20; 40], &Settings { shuffle: false, ..settings() });
    let steps = steps_from(&plain, plain.start(), 2);
    for epoch in 0..2 {
        assert_eq!(rows_seen(&steps, epoch), (0..40).collect::<Vec<_>>());
    }
}

#[test]
fn a_cursor_of_other_data_is_refused() {
    let one = batches(&[20; 40], &settings());
    let changed = [
        batches(&[20; 41], &settings()),
        batches(&[20; 40], &Settings { seed: 33, ..settings() }),
        batches(&[20; 40], &Settings { shuffle: false, ..settings() }),
        batches(&[20; 40], &Settings { batch_windows: 4, ..settings() }),
        batches(&[20; 40], &Settings { batch_tokens: Some(3), ..settings() }),
        batches(&[20; 40], &Settings { sampler: Sampler::BestFit, ..settings() }),
        batches(&[20; 40], &Settings { tokens: Some(65), ..settings() }),
    ];
    for other in changed {
        let error = other.steps(one.start(), 1).err().unwrap();
        assert!(error.to_string().contains("other data"), "{error}");
    }
    // What does not touch the order may change, such as the number of epochs or the learning rate.
    let other = batches(&[20; 40], &Settings { epochs: 9, learning_rate: 1.0, ..settings() });
    assert!(other.steps(one.start(), 9).is_ok());
}

#[test]
fn nothing_to_learn_is_refused() {
    let check = |lengths: &[usize], settings: &Settings, expected: &str| {
        let error = Batches::new(rows_of(lengths), &info(RowKind::Segments), settings).err();
        let error = error.unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&[], &settings(), "no row");
    check(&[9], &Settings { batch_windows: 0, ..settings() }, "`batch-windows` is 0");
    check(&[9], &Settings { batch_tokens: Some(0), ..settings() }, "`batch-tokens` is 0");
    check(&[64], &settings(), "longer than a window");
}
