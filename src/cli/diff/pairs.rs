//! What became of pairs, rows and tokens between two corpora.

use std::{collections::BTreeMap, fmt};

use super::{
    Wiki,
    facts::{self, Change},
    rows::{PairRows, Pairs, Side},
    top::Top,
    why::{Case, Key},
};
use crate::{cli::corpus::Corpus, error::Result};

/// Shards that are read side by side at most: each holds a batch of 1,024 rows in memory, some 16
/// MiB at N = 4096. Corpora of equally many buckets need two.
const MAX_OPEN: usize = 128;

/// What became of a pair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PairMove {
    Added,
    Removed,
    /// Other rows, and why: which texts changed.
    Changed(String),
}

impl fmt::Display for PairMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairMove::Added => f.write_str(ADDED),
            PairMove::Removed => f.write_str(REMOVED),
            PairMove::Changed(what) => write!(f, "changed: {what}"),
        }
    }
}

const ADDED: &str = "added";
const REMOVED: &str = "removed";

/// The pairs of some languages.
struct Group {
    facts: facts::Pairs,
    moves: Top<PairMove, (Key, facts::Pair)>,
}

/// What became of pairs, before it is known why some came and went.
#[derive(Default)]
pub(super) struct Compared {
    groups: BTreeMap<String, Group>,
    /// Tokens of text by language.
    pub(super) tokens: BTreeMap<String, Change<u64>>,
    /// Pairs of the old corpus only and of the new one only.
    pub(super) cases: Change<Vec<Case>>,
    /// Why pairs could not be compared.
    pub(super) note: Option<String>,
}

/// Compares the pairs of two corpora.
///
/// # Errors
///
/// A shard is missing or damaged, or its rows are not in order.
pub(super) fn compare(
    corpora: &Change<Corpus>,
    wikis: &[Wiki],
    n_examples: usize,
) -> Result<Compared> {
    let mut compared = Compared::default();
    // Buckets are the remainders of one hash: shards whose remainders by a common divisor differ
    // have no pair in common.
    let classes = match (corpora.old.buckets(), corpora.new.buckets()) {
        (Some(old), Some(new)) => gcd(old, new),
        _ => 1,
    };
    let n_open = |rest| {
        let shards = [&corpora.old, &corpora.new].into_iter().flat_map(|it| &it.manifest.shards);
        shards.filter(|it| u64::from(it.bucket) % classes == rest).count()
    };
    if let Some(n) = (0..classes).map(n_open).find(|n| MAX_OPEN < *n) {
        compared.note = Some(format!(
            "pairs, rows and tokens are not compared: the numbers of buckets have so little in \
             common that {n} shards would have to be read side by side, and {MAX_OPEN} are the most"
        ));
        return Ok(compared);
    }
    for rest in 0..classes {
        let mut pairs = Change {
            old: Pairs::open(&corpora.old, classes, rest)?,
            new: Pairs::open(&corpora.new, classes, rest)?,
        };
        while let Some(pair) = pairs.old.peek().into_iter().chain(pairs.new.peek()).min() {
            let rows = Change { old: pairs.old.take(pair)?, new: pairs.new.take(pair)? };
            compared.add(&rows, wikis, n_examples);
        }
    }
    Ok(compared)
}

fn gcd(one: u64, other: u64) -> u64 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

impl Compared {
    fn add(&mut self, rows: &Change<Option<PairRows>>, wikis: &[Wiki], n_examples: usize) {
        let Some(shown) = rows.new.as_ref().or(rows.old.as_ref()) else { return };
        let languages = languages(shown, wikis);
        let group = self.groups.entry(languages.join("+")).or_insert_with(|| Group {
            facts: facts::Pairs::default(),
            moves: Top::new(n_examples),
        });
        for (pair, is_old) in [(&rows.old, true), (&rows.new, false)] {
            let Some(pair) = pair else { continue };
            let facts = &mut group.facts;
            *side_of(&mut facts.pairs, is_old) += 1;
            *side_of(&mut facts.rows, is_old) += pair.rows.len() as u64;
            for side in &pair.sides {
                let lang = lang_of(side, wikis).to_owned();
                *side_of(self.tokens.entry(lang).or_default(), is_old) += side.n_tokens;
            }
        }
        let moved = MovedRows::of(rows);
        group.facts.same_rows += moved.n_same;
        group.facts.rows_added += moved.n_added;
        group.facts.rows_removed += moved.n_removed;
        let key = key_of(shown, wikis);
        let kind = match (&rows.old, &rows.new) {
            (Some(_), Some(_)) if moved.n_tokens == 0 => {
                group.facts.same_pairs += 1;
                return;
            }
            (Some(old), Some(new)) => PairMove::Changed(changed_texts(old, new, wikis)),
            (None, _) => PairMove::Added,
            (_, None) => PairMove::Removed,
        };
        let cases = match kind {
            PairMove::Added => Some(&mut self.cases.new),
            PairMove::Removed => Some(&mut self.cases.old),
            PairMove::Changed(_) => None,
        };
        if let (Some(key), Some(cases)) = (key, cases) {
            cases.push(Case::new(key));
        }
        let number = u128::from_be_bytes(shown.pair.bytes());
        let key = key.unwrap_or_default();
        let example = || (key, example(rows, shown, wikis));
        group.moves.add(kind, moved.n_tokens, number, example);
    }

    /// Returns the facts, once it is known why pairs came and went.
    pub(super) fn finish(
        self,
        wikis: &[Wiki],
        why: impl Fn(&Case, bool) -> String,
    ) -> BTreeMap<String, facts::Pairs> {
        let mut reasons: BTreeMap<(String, bool), BTreeMap<String, u64>> = BTreeMap::new();
        for (cases, is_old) in [(&self.cases.old, true), (&self.cases.new, false)] {
            for case in cases {
                let group = (group_of(case.key, wikis), is_old);
                let reason = why(case, is_old);
                *reasons.entry(group).or_default().entry(reason).or_default() += 1;
            }
        }
        let find = |key: Key, is_old: bool| -> Option<String> {
            let cases = if is_old { &self.cases.old } else { &self.cases.new };
            let position = cases.binary_search_by_key(&key, |case| case.key).ok()?;
            Some(why(cases.get(position)?, is_old))
        };
        let groups = self.groups.into_iter().map(|(name, group)| {
            let moves = group.moves.finish().into_iter().map(|moves| {
                let is_old = match moves.kind.as_str() {
                    ADDED => Some(false),
                    REMOVED => Some(true),
                    _ => None,
                };
                let examples = moves.examples.into_iter().map(|(key, mut pair)| {
                    pair.why = is_old.and_then(|is_old| find(key, is_old));
                    pair
                });
                let reasons = is_old.and_then(|is_old| reasons.remove(&(name.clone(), is_old)));
                facts::Moves {
                    examples: examples.collect(),
                    kind: moves.kind,
                    count: moves.count,
                    reasons: reasons.unwrap_or_default(),
                }
            });
            let moves = moves.collect();
            (name, facts::Pairs { moves, ..group.facts })
        });
        groups.collect()
    }
}

fn side_of<T>(change: &mut Change<T>, is_old: bool) -> &mut T {
    if is_old { &mut change.old } else { &mut change.new }
}

/// The rows of one pair, compared by their ids.
#[derive(Default)]
struct MovedRows {
    n_same: u64,
    n_added: u64,
    n_removed: u64,
    /// Tokens in rows of one corpus only.
    n_tokens: u64,
}

impl MovedRows {
    fn of(rows: &Change<Option<PairRows>>) -> MovedRows {
        let mut moved = MovedRows::default();
        let of = |pair: &Option<PairRows>| pair.as_ref().map_or(Vec::new(), |it| it.rows.clone());
        let mut old = of(&rows.old).into_iter().peekable();
        let mut new = of(&rows.new).into_iter().peekable();
        loop {
            let (in_old, in_new) = match (old.peek(), new.peek()) {
                (None, None) => return moved,
                (Some(old), Some(new)) => (old.0 <= new.0, new.0 <= old.0),
                (old, new) => (old.is_some(), new.is_some()),
            };
            let row = [in_old.then(|| old.next()), in_new.then(|| new.next())];
            let n_tokens = row.into_iter().flatten().flatten().map(|it| it.1).next();
            match (in_old, in_new) {
                (true, true) => moved.n_same += 1,
                (true, false) => moved.n_removed += 1,
                _ => moved.n_added += 1,
            }
            if in_old != in_new {
                // A row of no tokens moves, too.
                moved.n_tokens += n_tokens.unwrap_or_default().max(1);
            }
        }
    }
}

fn wiki_of<'a>(name: &str, wikis: &'a [Wiki]) -> Option<(u16, &'a Wiki)> {
    let position = wikis.binary_search_by(|it| it.name.as_str().cmp(name)).ok()?;
    Some((u16::try_from(position).ok()?, wikis.get(position)?))
}

/// Languages are those of the manifests: there are few of them, whatever a shard may say.
fn lang_of<'a>(side: &Side, wikis: &'a [Wiki]) -> &'a str {
    wiki_of(&side.wiki, wikis).map_or("?", |(_, wiki)| &wiki.lang)
}

/// Returns the sides of a pair, English first.
fn ordered<'a>(pair: &'a PairRows, wikis: &[Wiki]) -> Vec<&'a Side> {
    let mut sides: Vec<&Side> = pair.sides.iter().collect();
    sides.sort_by_key(|side| !wiki_of(&side.wiki, wikis).is_some_and(|(_, wiki)| wiki.english));
    sides
}

fn languages<'a>(pair: &PairRows, wikis: &'a [Wiki]) -> Vec<&'a str> {
    // Two wikis of one language are one group.
    let mut languages: Vec<&str> = Vec::new();
    for lang in ordered(pair, wikis).into_iter().map(|side| lang_of(side, wikis)) {
        if !languages.contains(&lang) {
            languages.push(lang);
        }
    }
    languages
}

/// Returns the languages of a case as [`languages`] does.
fn group_of(key: Key, wikis: &[Wiki]) -> String {
    let mut sides: Vec<&Wiki> =
        key.iter().filter_map(|(wiki, _)| wikis.get(usize::from(*wiki))).collect();
    sides.sort_by_key(|wiki| !wiki.english);
    let mut languages: Vec<&str> = sides.iter().map(|wiki| wiki.lang.as_str()).collect();
    languages.dedup();
    languages.join("+")
}

/// Returns which pages a pair is of; one page twice if its rows have but one. `None` if a wiki is
/// unknown.
fn key_of(pair: &PairRows, wikis: &[Wiki]) -> Option<Key> {
    let page = |side: &Side| Some((wiki_of(&side.wiki, wikis)?.0, side.page));
    match pair.sides.as_slice() {
        [one] => Some([page(one)?; 2]),
        [one, other] => Some([page(one)?, page(other)?]),
        _ => None,
    }
}

/// Says which texts of a pair changed.
fn changed_texts(old: &PairRows, new: &PairRows, wikis: &[Wiki]) -> String {
    let changed = |side: &&Side| {
        let same = |it: &&Side| it.identity == side.identity && it.wiki == side.wiki;
        let before = old.sides.iter().find(same);
        match wiki_of(&side.wiki, wikis).and_then(|(_, wiki)| wiki.changed.as_ref()) {
            Some(pages) => pages.binary_search(&side.page).is_ok(),
            // Without snapshots the revision has to do.
            None => before.is_some_and(|before| before.revision != side.revision),
        }
    };
    let sides = ordered(new, wikis).into_iter().filter(changed);
    let languages: Vec<&str> = sides.map(|side| lang_of(side, wikis)).collect();
    match languages.as_slice() {
        [] => "the same texts, cut otherwise".to_owned(),
        languages => format!("text of {}", languages.join(" and ")),
    }
}

fn example(rows: &Change<Option<PairRows>>, shown: &PairRows, wikis: &[Wiki]) -> facts::Pair {
    let n_rows = |pair: &Option<PairRows>| pair.as_ref().map_or(0, |pair| pair.rows.len() as u64);
    let n_tokens = |pair: &Option<PairRows>| pair.as_ref().map_or(0, PairRows::n_tokens);
    let sides = ordered(shown, wikis).into_iter().map(|side| {
        let revision = |pair: &Option<PairRows>| {
            let mut sides = pair.as_ref()?.sides.iter();
            let found = sides.find(|it| it.identity == side.identity && it.wiki == side.wiki)?;
            Some(found.revision).filter(|revision| *revision != 0)
        };
        let info = wiki_of(&side.wiki, wikis).and_then(|(_, wiki)| wiki.info());
        facts::Side {
            lang: lang_of(side, wikis).to_owned(),
            page: side.page,
            title: side.title.clone(),
            revision: Change { old: revision(&rows.old), new: revision(&rows.new) },
            url: match &side.url {
                Some(url) => url.clone(),
                None => info.map_or(String::new(), |it| it.page_url(side.page, side.revision)),
            },
        }
    });
    facts::Pair {
        pair: shown.pair.to_string(),
        sides: sides.collect(),
        rows: Change { old: n_rows(&rows.old), new: n_rows(&rows.new) },
        tokens: Change { old: n_tokens(&rows.old), new: n_tokens(&rows.new) },
        why: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_with_a_common_divisor_are_read_in_classes() {
        assert_eq!([(64, 64), (64, 96), (3, 4), (1, 9)].map(|(a, b)| gcd(a, b)), [64, 32, 1, 1]);
    }
}
