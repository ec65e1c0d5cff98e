//! Whether a run may go on with settings that have changed since its checkpoint.

use std::collections::BTreeMap;

use crate::settings::Settings;

/// Settings as text by key: numbers are compared as they are written, never as they are read back.
pub type Texts = BTreeMap<String, String>;

/// Keys that may change without a word: they say what is kept, looked at or exported, not what is learned. The
/// base model and the corpus are compared by their digests instead of by their paths.
const FREE: [&str; 11] = [
    "model",
    "dir",
    "corpus",
    "validate-every",
    "checkpoint-every",
    "keep-checkpoints",
    "choose",
    "patience",
    "export-precision",
    "validation-windows",
    "init",
];

/// Keys that may change, and what that means.
const NOTED: [(&str, &str); 6] = [
    ("epochs", "the learning rates to come follow the new number of steps"),
    ("max-steps", "the learning rates to come follow the new number of steps"),
    ("micro-windows", "numbers are added up in another order from here on"),
    ("attention-chunk", "numbers are added up in another order from here on"),
    ("loss-chunk", "numbers are added up in another order from here on"),
    ("recompute", "the same numbers, at another speed"),
];

/// What has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changes with which the run cannot go on, as "`rank`: 64 then, 32 now".
    pub refused: Vec<String>,
    /// Changes that the user should know of.
    pub noted: Vec<String>,
}

/// Returns settings as text by key.
pub fn texts(settings: &Settings) -> Texts {
    match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(map)) => {
            map.into_iter().map(|(key, value)| (key, value.to_string())).collect()
        }
        _ => unreachable!("settings are a table of plain data"),
    }
}

/// Compares settings of a checkpoint with those of now. A key that one side does not know counts as null.
pub fn compare(then: &Texts, now: &Texts) -> Changes {
    let mut changes = Changes::default();
    let null = "null".to_owned();
    let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for key in keys {
        let (then, now) = (then.get(key).unwrap_or(&null), now.get(key).unwrap_or(&null));
        if then == now || FREE.contains(&key.as_str()) {
            continue;
        }
        let change = format!("`{key}`: {then} then, {now} now");
        match NOTED.iter().find(|(noted, _)| noted == key) {
            Some((_, meaning)) => changes.noted.push(format!("{change} ({meaning})")),
            None => changes.refused.push(change),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Settings), refused: &[&str], n_noted: usize) {
        let then = Settings::default();
        let mut now = then.clone();
        change(&mut now);
        let changes = compare(&texts(&then), &texts(&now));
        assert_eq!(changes.refused, refused);
        assert_eq!(changes.noted.len(), n_noted, "{:?}", changes.noted);
    }

    #[test]
    fn what_changes_the_parameters_is_refused_and_the_rest_is_not() {
        check(|_| {}, &[], 0);
        check(|it| it.keep_checkpoints = 9, &[], 0);
        check(|it| it.validate_every = 9, &[], 0);
        check(|it| it.max_steps = Some(9), &[], 1);
        check(|it| it.epochs = 9, &[], 1);
        check(|it| it.rank = 32, &["`rank`: 64 then, 32 now"], 0);
        check(
            |it| {
                it.seed = 1;
                it.learning_rate = 0.1 + 0.2;
                it.micro_windows = 2;
            },
            &["`learning-rate`: 0.0001 then, 0.30000000000000004 now", "`seed`: 32 then, 1 now"],
            1,
        );
    }

    #[test]
    fn every_key_that_is_named_exists() {
        let texts = texts(&Settings::default());
        for key in FREE.iter().chain(NOTED.iter().map(|(key, _)| key)) {
            assert!(texts.contains_key(*key), "{key}");
        }
    }
}
