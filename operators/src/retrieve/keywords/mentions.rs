//! Counts how often names occur in a text: the longest one at each place, and none twice.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::encoder::words::{is_unspaced, is_word};

/// Longest name that is counted, in characters. With it the work is at most this many steps for
/// each character of the text.
const MAX_NAME: usize = 64;
/// Shortest name that is counted, in characters: a letter alone names nothing, and one Han character
/// is part of many words.
const MIN_NAME: usize = 2;

/// Names to be counted, as a tree of characters. Letter case does not matter.
#[derive(Debug, Default)]
pub struct Mentions {
    /// Where a character leads from a node; node 0 is the root.
    edges: FxHashMap<(u32, char), u32>,
    /// Who owns the name that ends at a node.
    owners: BTreeMap<u32, usize>,
    n_nodes: u32,
}

impl Mentions {
    /// Adds a name of `owner`; of several owners of a name the first counts.
    pub fn add(&mut self, name: &str, owner: usize) {
        let n_chars = lower(name).take(MAX_NAME + 1).count();
        if !(MIN_NAME..=MAX_NAME).contains(&n_chars) {
            return;
        }
        let mut node = 0;
        for c in lower(name) {
            let next = self.n_nodes + 1;
            node = *self.edges.entry((node, c)).or_insert(next);
            self.n_nodes = self.n_nodes.max(node);
        }
        self.owners.entry(node).or_insert(owner);
    }

    /// Returns how often the names of each of `n_owners` owners occur in a text.
    ///
    /// Where words are parted by spaces a name counts only as whole words; Thai, Japanese and the
    /// like do not part them.
    pub fn count(&self, text: &str, n_owners: usize) -> Vec<u64> {
        self.count_steps(text, n_owners).0
    }

    /// Returns the counts and the number of steps taken.
    fn count_steps(&self, text: &str, n_owners: usize) -> (Vec<u64>, u64) {
        let mut counts = vec![0; n_owners];
        let mut n_steps = 0;
        if self.owners.is_empty() {
            return (counts, n_steps);
        }
        let text: Vec<char> = lower(text).collect();
        let char_at = |place: usize| text.get(place).copied();
        let is_edge = |left: Option<char>, right: Option<char>| match (left, right) {
            (Some(left), Some(right)) => {
                !is_word(left) || !is_word(right) || is_unspaced(left) || is_unspaced(right)
            }
            _ => true,
        };
        let mut place = 0;
        while place < text.len() {
            n_steps += 1;
            let before = place.checked_sub(1).and_then(char_at);
            let mut longest = None;
            if is_edge(before, char_at(place)) {
                let mut node = 0;
                for end in place + 1..=(place + MAX_NAME).min(text.len()) {
                    let last = char_at(end - 1);
                    let Some(next) = last.and_then(|c| self.edges.get(&(node, c))) else {
                        break;
                    };
                    n_steps += 1;
                    node = *next;
                    if let Some(owner) = self.owners.get(&node)
                        && is_edge(last, char_at(end))
                    {
                        longest = Some((end, *owner));
                    }
                }
            }
            match longest {
                Some((end, owner)) => {
                    if let Some(count) = counts.get_mut(owner) {
                        *count += 1;
                    }
                    place = end;
                }
                None => place += 1,
            }
        }
        (counts, n_steps)
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(names: &[&str], text: &str) -> Vec<u64> {
        let mut mentions = Mentions::default();
        for (owner, name) in names.iter().enumerate() {
            mentions.add(name, owner);
        }
        mentions.count(text, names.len())
    }

    /// The twin: compares every name at every place.
    fn slow(names: &[String], text: &str) -> Vec<u64> {
        let lower =
            |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
        let text = lower(text);
        let names: Vec<Vec<char>> = names.iter().map(|name| lower(name)).collect();
        let parted = |place: usize| {
            place == 0
                || place == text.len()
                || [text[place - 1], text[place]].iter().any(|c| !is_word(*c) || is_unspaced(*c))
        };
        let mut counts = vec![0; names.len()];
        let mut place = 0;
        while place < text.len() {
            let mut best: Option<usize> = None;
            for (owner, name) in names.iter().enumerate() {
                let fits = (MIN_NAME..=MAX_NAME).contains(&name.len())
                    && text[place..].starts_with(name)
                    && parted(place)
                    && parted(place + name.len());
                if fits && best.is_none_or(|best| names[best].len() < name.len()) {
                    best = Some(owner);
                }
            }
            match best {
                Some(owner) => {
                    counts[owner] += 1;
                    place += names[owner].len();
                }
                None => place += 1,
            }
        }
        counts
    }

    #[test]
    fn whole_words_count_where_words_are_parted() {
        assert_eq!(counts(&["art", "Art Deco"], "Art, party, ART. Art Deco"), [2, 1]);
        assert_eq!(counts(&["قط"], "القط قط."), [1]);
    }

    #[test]
    fn the_longest_name_counts_where_words_are_not_parted() {
        assert_eq!(counts(&["ช้าง", "ช้างเอเชีย"], "ช้างเอเชียและช้างแอฟริกา"), [1, 1]);
        assert_eq!(counts(&["東京", "東京都"], "東京都は東京の"), [1, 1]);
    }

    #[test]
    fn hostile_names_take_bounded_steps() {
        let mut mentions = Mentions::default();
        for length in 2..200 {
            mentions.add(&"あ".repeat(length), length);
        }
        mentions.add(&format!("{}い", "あ".repeat(MAX_NAME - 1)), 0);
        // Every place but the ends begins with a long way that leads to no name.
        let text = format!("{}う", "あ".repeat(MAX_NAME - 1)).repeat(100);
        let (_, n_steps) = mentions.count_steps(&text, 200);
        assert!(n_steps <= (MAX_NAME as u64 + 1) * text.chars().count() as u64);
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_slow_twin(
            names in prop::collection::vec("[ab กข A]{0,4}", 0..8),
            text in "[ab กข.A]{0,60}",
        ) {
            let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert_eq!(counts(&borrowed, &text), slow(&names, &text));
        }

        #[test]
        fn any_text_is_counted(names in prop::collection::vec(".{0,5}", 0..8), text in ".{0,80}") {
            let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert_eq!(counts(&borrowed, &text), slow(&names, &text));
        }
    }
}
