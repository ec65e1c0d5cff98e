//! The settings of a wiki: how its links and templates are to be read.

use rustc_hash::{FxHashMap, FxHashSet};

use super::facts;
use super::names::normalise_name;
use super::template::Actions;

/// Languages whose wikis are read in several scripts or spellings.
const VARIANTS: &[&str] =
    &["zh", "sr", "kk", "ku", "gan", "crh", "iu", "shi", "tg", "uz", "wuu", "ban", "mni", "sh"];

/// What of a wiki's settings the cleaner needs.
pub struct Site {
    lang: String,
    prefixes: FxHashMap<String, Prefix>,
    actions: Actions,
    sections: FxHashSet<&'static str>,
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
        Site {
            lang: lang.to_owned(),
            prefixes,
            actions: Actions::new(lang),
            sections: facts::sections(lang).collect(),
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

    /// Returns the meaning of a prefix that is already in its normal form.
    pub(super) fn prefix(&self, name: &str) -> Option<Prefix> {
        self.prefixes.get(name).copied()
    }

    /// Returns what templates do here.
    pub(super) fn actions(&self) -> &Actions {
        &self.actions
    }

    /// Returns whether a section of this title, in lower case, is no prose.
    pub(super) fn is_boilerplate(&self, title: &str) -> bool {
        self.sections.contains(title)
    }
}
