//! How titles of a wiki are written, and what a title in a link means
//! (<https://www.mediawiki.org/wiki/Manual:Title.php>).

use std::collections::BTreeSet;

use crossic_operators::record::{Digest, Target};

use crate::dump::siteinfo::{Case, SiteInfo};

/// The rules of one wiki.
#[derive(Clone, Debug)]
pub struct TitleRules {
    first_letter: bool,
    /// Lower-cased names of all namespaces but the main one.
    prefixes: BTreeSet<String>,
}

/// Namespace names that every wiki understands beside its own
/// (<https://www.mediawiki.org/wiki/Help:Namespaces>).
const CANONICAL: &[&str] = &[
    "media",
    "special",
    "talk",
    "user",
    "user talk",
    "project",
    "project talk",
    "file",
    "file talk",
    "image",
    "image talk",
    "mediawiki",
    "mediawiki talk",
    "template",
    "template talk",
    "help",
    "help talk",
    "category",
    "category talk",
    "portal",
    "portal talk",
    "module",
    "module talk",
    "draft",
    "draft talk",
];

impl TitleRules {
    /// Returns the rules of a wiki; without site information those of most wikis.
    pub fn new(site: Option<&SiteInfo>) -> TitleRules {
        let mut prefixes: BTreeSet<String> =
            CANONICAL.iter().map(|name| (*name).to_owned()).collect();
        for namespace in site.iter().flat_map(|site| &site.namespaces) {
            if namespace.key != 0 && !namespace.name.is_empty() {
                prefixes.insert(namespace.name.to_lowercase());
            }
        }
        TitleRules {
            first_letter: site.is_none_or(|site| site.case == Case::FirstLetter),
            prefixes,
        }
    }

    /// Returns the title as pages and links agree on it: spaces for underscores, none doubled or at
    /// the ends, the first letter in upper case where the wiki says so.
    pub fn normalise(&self, title: &str) -> String {
        if is_spaced(title) {
            return if self.first_letter {
                upper_first(title.to_owned())
            } else {
                title.to_owned()
            };
        }
        let mut normal = String::with_capacity(title.len());
        for word in title.split(|it: char| it == '_' || it.is_whitespace()) {
            if word.is_empty() {
                continue;
            }
            if !normal.is_empty() {
                normal.push(' ');
            }
            normal.push_str(word);
        }
        if self.first_letter { upper_first(normal) } else { normal }
    }

    /// Returns the digest of a title of namespace 0, as a `page` row has it.
    pub fn digest(&self, title: &str) -> Digest {
        Digest::of(self.normalise(title).as_bytes())
    }

    /// Returns what a title in a link into this wiki means.
    pub fn target(&self, title: &str) -> Target {
        match self.meaning(title) {
            Ok(normal) => Target::Title(Digest::of(normal.as_bytes())),
            Err(other) => other,
        }
    }

    /// Returns the normal form of a title in a link into this wiki, if it is one of namespace 0.
    pub fn title(&self, title: &str) -> Option<String> {
        self.meaning(title).ok()
    }

    /// Returns the normal form of a title of namespace 0, or what else it is.
    fn meaning(&self, title: &str) -> Result<String, Target> {
        let (page, fragment) = match title.split_once('#') {
            Some((page, fragment)) => (page, Some(fragment)),
            None => (title, None),
        };
        // A leading colon only keeps MediaWiki from showing a file or filing a category.
        let normal = self.normalise(page);
        let normal = match normal.strip_prefix(':') {
            Some(rest) => self.normalise(rest),
            None => normal,
        };
        if normal.is_empty() {
            return Err(Target::Blank);
        }
        if fragment.is_some() {
            return Err(Target::Fragment);
        }
        let prefix = normal.split_once(':').map(|(prefix, _)| prefix.trim().to_lowercase());
        if prefix.is_some_and(|prefix| self.prefixes.contains(&prefix)) {
            return Err(Target::OtherNamespace);
        }
        Ok(normal)
    }
}

/// Returns whether a title has its words parted by single spaces of ASCII already, as most have.
fn is_spaced(title: &str) -> bool {
    let mut before = b' ';
    for byte in title.bytes() {
        // What follows these bytes may make a space of another kind.
        let may_be_space = matches!(byte, b'_' | 0x09..=0x0D | 0xC2 | 0xE1 | 0xE2);
        if may_be_space || (byte == b' ' && before == b' ') || (byte == 0x80 && before == 0x80) {
            return false;
        }
        before = byte;
    }
    before != b' '
}

/// Returns the text with its first letter in upper case, as MediaWiki's `ucfirst` does: letters
/// whose upper case is several letters, and Georgian ones, stay.
fn upper_first(mut text: String) -> String {
    let Some(first) = text.chars().next() else { return text };
    let georgian = ('\u{10D0}'..='\u{10FF}').contains(&first);
    let mut upper = first.to_uppercase();
    if let (Some(upper), None, false) = (upper.next(), upper.next(), georgian)
        && upper != first
    {
        text.replace_range(..first.len_utf8(), upper.encode_utf8(&mut [0; 4]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_normalised() {
        let rules = TitleRules::new(None);
        let check = |title: &str, normal: &str| assert_eq!(rules.normalise(title), normal);
        check("honey_bee", "Honey bee");
        check("  Honey__bee ", "Honey bee");
        check("élan", "Élan");
        check("ßeta", "ßeta");
        check("ქართული", "ქართული");
        check("ช้าง_(สัตว์)", "ช้าง (สัตว์)");
    }

    #[test]
    fn spaces_of_every_kind_part_words() {
        let rules = TitleRules::new(None);
        let spaces = (0..=0x10FFFF).filter_map(char::from_u32).filter(|c| c.is_whitespace());
        for space in spaces.chain(['_']) {
            for title in ["A?b", "?A?b", "A?b?", "A??b", "A ?b", "日?本", "日本?"] {
                let spaced = title.replace('?', &space.to_string());
                let expected = title.replace('?', " ");
                let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
                assert_eq!(rules.normalise(&spaced), expected, "{space:?} in {title}");
            }
        }
        // Letters of which a part looks like a space.
        for title in ["ー　", "À", "‐x", "쀀", "\u{3000}X", "ကက"] {
            let slow: Vec<&str> = title.split_whitespace().collect();
            assert_eq!(rules.normalise(title), slow.join(" "));
        }
    }

    #[test]
    fn targets_are_told_apart() {
        let rules = TitleRules::new(None);
        assert_eq!(rules.target(" _ "), Target::Blank);
        assert_eq!(rules.target("#Dance"), Target::Blank);
        assert_eq!(rules.target("Honey bee#Dance"), Target::Fragment);
        assert_eq!(rules.target("category:Rivers"), Target::OtherNamespace);
        assert_eq!(rules.target(":Category:Rivers"), Target::OtherNamespace);
        let film = "2001: A Space Odyssey (film)";
        assert_eq!(rules.target(film), Target::Title(rules.digest(film)));
        assert_eq!(rules.target("elephant"), Target::Title(rules.digest("Elephant")));
        assert_eq!(rules.title(" :elephant_(film) "), Some("Elephant (film)".to_owned()));
        assert_eq!(rules.title("Category:Rivers"), None);
    }
}
