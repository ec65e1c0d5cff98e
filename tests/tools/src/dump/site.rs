//! What is said about a wiki as a whole: names, namespaces, and in whose clothes its tables are
//! dumped.

/// A namespace of a wiki.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The number, e.g. 10.
    pub key: i32,
    /// The local name, empty for the main namespace.
    pub name: String,
    /// Other names that lead to the same namespace; the dump does not show them.
    pub aliases: Vec<String>,
}

/// The release of the dump tool whose headers the tables carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clothes {
    /// MariaDB since the middle of 2024, with the line about sandbox mode first.
    Sandbox,
    /// MariaDB before that line came.
    MariaDb,
    /// MySQL 5.5, with quoted defaults and a page table of 14 columns.
    OldMySql,
}

/// A wiki.
#[derive(Clone, Debug)]
pub struct Site {
    /// The database name, e.g. `enwiki`.
    pub wiki: String,
    /// The language code, e.g. `en`.
    pub lang: String,
    /// The name of the site in its own language.
    pub sitename: String,
    /// The address of the main page.
    pub base: String,
    /// The software and its version.
    pub generator: String,
    /// The namespaces, by key.
    pub namespaces: Vec<Namespace>,
    /// The words that make a page a redirect, with the number sign.
    pub redirect_words: Vec<String>,
    /// The look of the tables.
    pub clothes: Clothes,
}

impl Site {
    /// Returns the title as readers see it: with the namespace prefix and with spaces.
    pub fn full_title(&self, namespace: i32, title: &str) -> String {
        let found = self.namespaces.iter().find(|candidate| candidate.key == namespace);
        match found {
            Some(namespace) if !namespace.name.is_empty() => format!("{}:{title}", namespace.name),
            _ => title.to_string(),
        }
    }

    /// Splits a full title into its namespace and the rest; an unknown prefix is part of the title.
    pub fn split_title(&self, full_title: &str) -> (i32, String) {
        let spaced = full_title.replace('_', " ");
        let trimmed = spaced.trim();
        let Some((prefix, rest)) = trimmed.split_once(':') else {
            return (0, capitalised(trimmed));
        };
        match self.namespace_key(prefix.trim()) {
            Some(key) => (key, capitalised(rest.trim())),
            None => (0, capitalised(trimmed)),
        }
    }

    fn namespace_key(&self, prefix: &str) -> Option<i32> {
        let wanted = prefix.to_lowercase();
        let canonical = CANONICAL.iter().find(|(_, name)| name.to_lowercase() == wanted);
        let local = self.namespaces.iter().find(|namespace| {
            !namespace.name.is_empty()
                && (namespace.name.to_lowercase() == wanted
                    || namespace.aliases.iter().any(|alias| alias.to_lowercase() == wanted))
        });
        local.map(|namespace| namespace.key).or(canonical.map(|(key, _)| *key))
    }
}

/// The English namespace names, which every wiki understands beside its own.
pub const CANONICAL: [(i32, &str); 17] = [
    (-2, "Media"),
    (-1, "Special"),
    (1, "Talk"),
    (2, "User"),
    (3, "User talk"),
    (4, "Project"),
    (5, "Project talk"),
    (6, "File"),
    (7, "File talk"),
    (8, "MediaWiki"),
    (9, "MediaWiki talk"),
    (10, "Template"),
    (11, "Template talk"),
    (12, "Help"),
    (13, "Help talk"),
    (14, "Category"),
    (15, "Category talk"),
];

fn capitalised(title: &str) -> String {
    let mut chars = title.chars();
    match chars.next() {
        // MediaWiki leaves a first letter alone whose capital would be two letters, such as ß.
        Some(first) if first.to_uppercase().count() == 1 => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => title.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(full_title: &str, expected: (i32, &str)) {
        let namespaces = vec![
            Namespace { key: 0, name: String::new(), aliases: vec![] },
            Namespace { key: 10, name: "แม่แบบ".into(), aliases: vec!["T".into()] },
        ];
        let site = Site {
            wiki: "thwiki".into(),
            lang: "th".into(),
            sitename: String::new(),
            base: String::new(),
            generator: String::new(),
            namespaces,
            redirect_words: vec![],
            clothes: Clothes::Sandbox,
        };
        assert_eq!(site.split_title(full_title), (expected.0, expected.1.to_string()));
    }

    #[test]
    fn titles_are_split_at_known_prefixes_only() {
        check("แม่แบบ:กล่อง_ข้อมูล", (10, "กล่อง ข้อมูล"));
        check("template:reflist", (10, "Reflist"));
        check("t:reflist", (10, "Reflist"));
        check("2001: A Space Odyssey", (0, "2001: A Space Odyssey"));
        check(" elephant ", (0, "Elephant"));
    }
}
