//! What templates do to the text: the actions and the lookup by name.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::dates::Order;
use super::facts;

/// What becomes of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Vanishes like a footnote.
    Foot,
    /// Vanishes and ends the paragraph.
    Block,
    /// Leaves a hole.
    Drop,
    /// Marks a page of meanings, and vanishes.
    Disambiguation,
    /// The positional argument of this number.
    Arg(usize),
    /// The argument of this name, or the positional one.
    Named(&'static str, usize),
    /// These characters.
    Const(&'static str),
    /// A pattern with `{1}`, `{name}` and `[…]` around what goes when an argument in it is missing;
    /// `{1/name}` is the first filled one of several, `{#1}` a number in groups, `{1:a=b;c=d}` one
    /// whose values have names.
    Text(&'static str),
    /// All positional arguments with this between them.
    Join(&'static str),
    /// The parts of a formula of chemistry.
    Formula,
    /// A century of the Spanish Wikipedia: numeral, `a` or `d` for the era, `s` for the word.
    Siglo,
    /// Authors and year, as the words of a sentence.
    Harvard,
    /// The label of a sound, unless that only asks to listen.
    Audio,
    /// The title of the page.
    Title,
    /// Value and unit.
    Convert,
    /// "As of" a date, in the language named.
    AsOf(&'static str),
    /// A word, its Japanese writing and its reading.
    Nihongo,
    /// A fraction.
    Frac,
    /// The name of a ship with this prefix, or with the one that the first argument holds.
    Ship(&'static str),
    /// Labelled writings of a Chinese word: `key:label` separated by `;`.
    Zh(&'static str),
    /// A paragraph of its own made of the argument of this name or number.
    Quote(usize),
    /// A link that exists in another language only.
    Ill(usize),
    /// A date whose parts stand in this order.
    Date(Order),
    /// A word of another language with the name of the language before it, as the pattern writes it.
    Label(&'static str),
    /// The last positional argument.
    Last,
    /// A country by its name or its code.
    Country(usize),
}

/// The actions of one wiki.
pub(super) struct Actions {
    exact: FxHashMap<&'static str, Action>,
    /// What the redirects of the wiki add.
    aliases: FxHashMap<String, Action>,
    /// Actions of names that begin so, and the lengths of these beginnings, longest first.
    prefixes: FxHashMap<&'static str, Action>,
    lengths: Vec<usize>,
    suffixes: Vec<(&'static str, Action)>,
}

impl Actions {
    /// Returns the actions of a language: the common rows, the English ones and its own.
    pub(super) fn new(lang: &str) -> Actions {
        Actions::of(facts::templates(lang))
    }

    /// Returns the actions of rows (names, action, argument), the later of which win.
    pub(super) fn of(
        rows: impl Iterator<Item = (&'static str, &'static str, &'static str)>,
    ) -> Actions {
        let mut actions = Actions {
            exact: FxHashMap::default(),
            aliases: FxHashMap::default(),
            prefixes: FxHashMap::default(),
            lengths: Vec::new(),
            suffixes: Vec::new(),
        };
        for (names, word, argument) in rows {
            let Some(action) = parse(word, argument) else {
                continue;
            };
            for name in names.split('|') {
                if let Some(suffix) = name.strip_prefix('*').filter(|name| !name.is_empty()) {
                    actions.suffixes.push((suffix, action));
                } else if let Some(prefix) = name.strip_suffix('*').filter(|name| !name.is_empty())
                {
                    actions.prefixes.insert(prefix, action);
                } else {
                    actions.exact.insert(name, action);
                }
            }
        }
        let lengths: BTreeSet<_> = actions.prefixes.keys().map(|prefix| prefix.len()).collect();
        actions.lengths = lengths.into_iter().rev().collect();
        actions
    }

    /// Adds redirects by name: both ways, because a table may know only an old name.
    pub(super) fn alias(&mut self, names: &BTreeMap<String, String>) {
        for (alias, canonical) in names {
            let end = target(names, canonical);
            // A rule for the end itself, even one for how it begins, says more than an old name.
            if self.find(end).is_some() {
                continue;
            }
            if let Some(action) = self.exact.get(alias.as_str()) {
                self.aliases.insert(end.to_owned(), *action);
            }
        }
        for (alias, canonical) in names {
            if self.exact.contains_key(alias.as_str()) {
                continue;
            }
            let action = self.find(target(names, canonical));
            // What would act so anyway needs no alias.
            if let Some(action) = action.filter(|it| self.find(alias) != Some(*it)) {
                self.aliases.insert(alias.clone(), action);
            }
        }
    }

    /// Returns what the redirects of the wiki add, by name.
    pub(super) fn aliases(&self) -> BTreeMap<&str, Action> {
        self.aliases.iter().map(|(name, action)| (name.as_str(), *action)).collect()
    }

    /// Returns the action of a name in its normal form: an exact rule, one for its end, the longest
    /// one for its beginning.
    pub(super) fn find(&self, name: &str) -> Option<Action> {
        if let Some(action) = self.exact.get(name) {
            return Some(*action);
        }
        if !self.aliases.is_empty()
            && let Some(action) = self.aliases.get(name)
        {
            return Some(*action);
        }
        let by_suffix = self.suffixes.iter().rev().find(|(suffix, _)| name.ends_with(suffix));
        let by_prefix = || {
            let heads = self.lengths.iter().filter_map(|&length| name.get(..length));
            heads.filter_map(|head| self.prefixes.get(head)).next()
        };
        by_suffix.map(|(_, action)| action).or_else(by_prefix).copied()
    }
}

/// Returns where a chain of redirects ends; a chain that is too long, or a ring, ends early.
fn target<'a>(names: &'a BTreeMap<String, String>, name: &'a str) -> &'a str {
    let next = |name: &&'a str| names.get(*name).map(String::as_str);
    std::iter::successors(Some(name), next).take(4).last().unwrap_or(name)
}

/// Returns the action of a row, or none if the row is wrong; a test keeps wrong rows out.
pub(super) fn parse(word: &str, argument: &'static str) -> Option<Action> {
    Some(match word {
        "foot" => Action::Foot,
        "block" => Action::Block,
        "drop" => Action::Drop,
        "disambiguation" => Action::Disambiguation,
        "arg" => Action::Arg(argument.parse().ok()?),
        "named" => {
            let (name, number) = argument.split_once(' ')?;
            Action::Named(name, number.parse().ok()?)
        }
        "const" if !argument.is_empty() => Action::Const(argument),
        "text" if !argument.is_empty() => Action::Text(argument),
        "join" => Action::Join(argument),
        "formula" => Action::Formula,
        "siglo" => Action::Siglo,
        "harvard" => Action::Harvard,
        "audio" => Action::Audio,
        "title" => Action::Title,
        "convert" => Action::Convert,
        "asof" if !argument.is_empty() => Action::AsOf(argument),
        "nihongo" => Action::Nihongo,
        "frac" => Action::Frac,
        "ship" => Action::Ship(argument),
        "zh" => Action::Zh(argument),
        "quote" => Action::Quote(argument.parse().ok()?),
        "ill" => Action::Ill(argument.parse().ok()?),
        "date" => Action::Date(Order::parse(argument)?),
        "label" => Action::Label(argument),
        "last" => Action::Last,
        "country" => Action::Country(argument.parse().ok()?),
        _ => return None,
    })
}
