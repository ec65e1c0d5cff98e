//! The settings of a wiki: how its links and templates are to be read.

use std::collections::{BTreeMap, btree_map::Entry};

use rustc_hash::{FxHashMap, FxHashSet};

use super::dates::DateStyle;
use super::facts;
use super::names::{normalise_name, push_section_word};
use super::numbers::NumberStyle;
use super::template::Actions;
use crate::record::Digest;

/// Languages whose wikis are read in several scripts or spellings.
const VARIANTS: &[&str] =
    &["zh", "sr", "kk", "ku", "gan", "crh", "iu", "shi", "tg", "uz", "wuu", "ban", "mni", "sh"];

/// Longest title that is looked up, in bytes.
const MAX_TITLE: usize = 400;
/// Words between two titles that share a section.
const JOINERS: &[&str] = &["and", "&", "+", "y", "e", "và", "및", "و"];

/// Whether a character stands around or between titles that share a section.
fn is_joint(c: char) -> bool {
    match c {
        ',' | '/' | ':' | ';' | '.' | '(' | ')' => true,
        '\0'..='\u{7f}' => false,
        '、' | '・' | '，' | '：' | '；' | '／' | '（' | '）' | '＆' | '،' => true,
        'と' | '和' | '及' | '与' | '與' => true,
        _ => false,
    }
}

/// Returns a section's title without its blanks and small differences of spelling.
fn section_key(title: &str) -> String {
    let mut key = String::with_capacity(title.len());
    for word in title.split_whitespace() {
        push_section_word(word, &mut key);
    }
    key
}

/// What of a wiki's settings the cleaner needs.
pub struct Site {
    lang: String,
    prefixes: FxHashMap<String, Prefix>,
    actions: Actions,
    /// Titles of sections that are no prose, as `section_key` writes them.
    sections: FxHashSet<String>,
    /// Names of countries by the codes of ISO 3166 and of sports.
    countries: FxHashMap<&'static str, &'static str>,
    /// Names of countries by their English names.
    english_countries: FxHashMap<&'static str, &'static str>,
    /// Names of languages by their codes.
    languages: FxHashMap<&'static str, &'static str>,
    dates: DateStyle,
    numbers: NumberStyle,
}

/// What the part of a link target before the colon says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// A file, a category or the like: the link shows nothing.
    Hidden,
    /// Another namespace or project: the link shows its label but leads to no article of this wiki.
    Elsewhere,
    /// Another language edition: a link in the margin.
    Language,
}

impl Site {
    /// Returns the settings of a wiki from its language code and the namespaces of `<siteinfo>`.
    ///
    /// Canonical English names and the aliases of nine languages are always known.
    pub fn new(lang: &str, namespaces: &[(i32, String)]) -> Site {
        let mut prefixes = FxHashMap::default();
        for (is_language, name) in facts::prefixes() {
            let prefix = match is_language && name != lang {
                true => Prefix::Language,
                false => Prefix::Elsewhere,
            };
            prefixes.insert(name.to_owned(), prefix);
        }
        let mut key = String::new();
        let known = facts::namespaces().map(|(number, name)| (number, name.to_owned()));
        for (number, name) in known.chain(namespaces.iter().cloned()) {
            normalise_name(&name, &mut key);
            if number != 0 && !key.is_empty() {
                let is_hidden = matches!(number, -2 | 6 | 14);
                let prefix = if is_hidden { Prefix::Hidden } else { Prefix::Elsewhere };
                prefixes.insert(key.clone(), prefix);
            }
        }
        // Where two codes share a country, the first row is its own.
        let mut english_countries = FxHashMap::default();
        for (english, name) in facts::english_countries(lang) {
            english_countries.entry(english).or_insert(name);
        }
        Site {
            lang: lang.to_owned(),
            prefixes,
            actions: Actions::new(lang),
            sections: facts::sections(lang).map(section_key).collect(),
            countries: facts::countries(lang).collect(),
            english_countries,
            languages: facts::languages(lang).collect(),
            dates: DateStyle::of(lang),
            numbers: NumberStyle::of(lang),
        }
    }

    /// Adds what the redirects between templates say: each alias acts as the template that it leads to.
    ///
    /// Names are titles with or without their namespace, in any capitals. A template that no table
    /// knows acts as an alias of it that one knows. What the tables say of a name themselves stays.
    /// Of aliases whose names differ in capitals only, the one counts that has none but its first.
    ///
    /// ```
    /// use crossic_operators::wikitext::{Headings, Options, Site, clean};
    /// let site = Site::new("en", &[]).with_aliases([("Template:Distance", "Template:Convert")]);
    /// let options = Options { headings: Headings::Drop, lists: true, boilerplate: false, math: false };
    /// let page = clean("It is {{distance|5|km}} long.", &site, &options);
    /// assert_eq!(page.paragraphs, ["It is 5 km long."]);
    /// ```
    pub fn with_aliases<'a>(
        mut self,
        aliases: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Site {
        let mut found = BTreeMap::new();
        for (alias, canonical) in aliases {
            let (alias, canonical) = (self.bare_title(alias), self.bare_title(canonical));
            let (name, target) = (normal(alias), normal(canonical));
            // A redirect that changes capitals only leads to where it starts.
            if name.is_empty() || name == target {
                continue;
            }
            let rank = (has_inner_capitals(alias), alias, target);
            match found.entry(name) {
                Entry::Vacant(entry) => drop(entry.insert(rank)),
                Entry::Occupied(mut entry) if rank < *entry.get() => drop(entry.insert(rank)),
                Entry::Occupied(_) => {}
            }
        }
        let names = found.into_iter().map(|(name, (_, _, target))| (name, target)).collect();
        self.actions.alias(&names);
        self
    }

    /// Returns the digest of what aliases change, or `None` if they change nothing.
    ///
    /// Two sites of one language whose digests are equal clean every page alike, whatever aliases
    /// each was given.
    pub fn aliases(&self) -> Option<Digest> {
        let aliases = self.actions.aliases();
        let words: Vec<_> =
            aliases.iter().map(|(name, action)| (*name, format!("{action:?}"))).collect();
        let fields: Vec<_> =
            words.iter().flat_map(|(name, word)| [name.as_bytes(), word.as_bytes()]).collect();
        (!fields.is_empty()).then(|| Digest::of_fields(&fields))
    }

    /// Returns whether a table or an alias knows a template by this title.
    pub fn knows_template(&self, title: &str) -> bool {
        self.actions.find(&normal(self.bare_title(title))).is_some()
    }

    /// Returns a template's title without its namespace.
    fn bare_title<'a>(&self, title: &'a str) -> &'a str {
        match title.split_once(':') {
            Some((head, tail)) if self.prefix(&normal(head)) == Some(Prefix::Elsewhere) => tail,
            _ => title,
        }
    }

    /// Returns whether `-{…}-` chooses between scripts here.
    pub(super) fn has_variants(&self) -> bool {
        VARIANTS.contains(&self.language())
    }

    /// Returns the language of the wiki, without script or region.
    pub(super) fn language(&self) -> &str {
        self.lang.split('-').next().unwrap_or_default()
    }

    /// Returns whether a code names the language of the wiki or English.
    pub(super) fn is_language(&self, code: &str) -> bool {
        code == self.lang || code == "en"
    }

    /// Returns the name of a language in the language of the wiki.
    pub(super) fn language_name(&self, code: &str) -> Option<&'static str> {
        let base = || code.split('-').next().unwrap_or_default();
        self.languages.get(code).or_else(|| self.languages.get(base())).copied()
    }

    /// Returns how dates are written here.
    pub(super) fn dates(&self) -> DateStyle {
        self.dates
    }

    /// Returns how numbers are written here.
    pub(super) fn numbers(&self) -> NumberStyle {
        self.numbers
    }

    /// Returns the name of a country whose code is written in capital letters.
    pub(super) fn country(&self, code: &str) -> Option<&'static str> {
        let is_code = (2..=4).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase());
        if is_code { self.countries.get(code).copied() } else { None }
    }

    /// Returns the name of a country from its code or its English name.
    pub(super) fn country_named(&self, name: &str) -> Option<&'static str> {
        self.country(name).or_else(|| self.english_countries.get(name).copied())
    }

    /// Returns the meaning of a prefix that is already in its normal form.
    pub(super) fn prefix(&self, name: &str) -> Option<Prefix> {
        self.prefixes.get(name).copied()
    }

    /// Returns what templates do here.
    pub(super) fn actions(&self) -> &Actions {
        &self.actions
    }

    /// Returns whether a section of this title, in lower case, is no prose: one of the table's titles, or
    /// several of them together.
    pub(super) fn is_boilerplate(&self, title: &str) -> bool {
        if MAX_TITLE < title.len() {
            return false;
        }
        let mut key = String::with_capacity(title.len());
        let mut n_titles = 0;
        let mut is_joined = false;
        for piece in title.split(is_joint) {
            for word in piece.split_whitespace() {
                let Some(next) = self.begin_title(word, &mut key) else {
                    continue;
                };
                is_joined = true;
                if !self.end_title(&mut key, &mut n_titles) {
                    // The table holds some such titles whole.
                    return self.sections.contains(&section_key(title));
                }
                push_section_word(next, &mut key);
            }
            if !self.end_title(&mut key, &mut n_titles) {
                return is_joined && self.sections.contains(&section_key(title));
            }
        }
        0 < n_titles
    }

    /// Clears and counts a title; returns whether the table holds it, or there is none.
    fn end_title(&self, key: &mut String, n_titles: &mut usize) -> bool {
        if key.is_empty() {
            return true;
        }
        let is_known = self.sections.contains(key.as_str());
        *n_titles += 1;
        key.clear();
        is_known
    }

    /// Adds a word to the title that it belongs to, or returns what of it begins the next one.
    fn begin_title<'a>(&self, word: &'a str, key: &mut String) -> Option<&'a str> {
        if JOINERS.contains(&word) {
            return Some("");
        }
        // "And" is part of the next word in Arabic and of the one before it in Korean.
        if let Some(next) = word.strip_prefix('و').filter(|_| self.sections.contains(key.as_str()))
        {
            return Some(next);
        }
        let length = key.len();
        if let Some(stem) = word.strip_suffix(['와', '과']) {
            push_section_word(stem, key);
            if self.sections.contains(key.as_str()) {
                return Some("");
            }
            key.truncate(length);
        }
        push_section_word(word, key);
        None
    }
}

/// Returns the normal form of a name.
fn normal(name: &str) -> String {
    let mut out = String::new();
    normalise_name(name, &mut out);
    out
}

/// Returns whether a title has a capital behind its first letter, which every title may have.
fn has_inner_capitals(title: &str) -> bool {
    title.trim().chars().skip(1).any(char::is_uppercase)
}
