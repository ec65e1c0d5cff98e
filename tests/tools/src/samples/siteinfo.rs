//! Reads `siteinfo.toml`, what a sample wiki says about itself.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{
    dump::site::{Clothes, Namespace, Site},
    error::{Complaint, Error},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sitename: String,
    dbname: String,
    lang: String,
    base: String,
    #[serde(default = "default_generator")]
    generator: String,
    case: String,
    namespaces: BTreeMap<String, String>,
    /// Other names of a namespace, by key.
    #[serde(default)]
    aliases: BTreeMap<String, Vec<String>>,
}

fn default_generator() -> String {
    "MediaWiki 1.43.0-wmf.14".to_string()
}

/// Returns the words that make a page of this language a redirect.
pub fn redirect_words(lang: &str) -> Vec<String> {
    let local: &[&str] = match lang {
        "th" => &["#เปลี่ยนทาง"],
        "es" => &["#REDIRECCIÓN", "#REDIRECCION"],
        _ => &[],
    };
    ["#REDIRECT"].iter().chain(local).map(|word| word.to_string()).collect()
}

/// Parses the text of `siteinfo.toml`.
pub fn parse(path: &Path, text: &str) -> Result<Site, Error> {
    let complain = |line: usize, message: String| {
        Error::Sources(vec![Complaint { path: path.to_path_buf(), line, message }])
    };
    let file: File = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        complain(before.matches('\n').count() + 1, error.message().to_string())
    })?;
    if file.case != "first-letter" {
        return Err(complain(
            1,
            format!("case `{}` is not supported, write `first-letter`", file.case),
        ));
    }
    let mut namespaces = Vec::with_capacity(file.namespaces.len());
    for (key, name) in file.namespaces {
        let number: i32 = key
            .parse()
            .map_err(|_| complain(1, format!("namespace key `{key}` is not a whole number")))?;
        let aliases = file.aliases.get(&key).cloned().unwrap_or_default();
        namespaces.push(Namespace { key: number, name, aliases });
    }
    namespaces.sort_by_key(|namespace| namespace.key);
    // Each wiki wears other clothes, so that a reader of the samples meets all three.
    let clothes = match file.lang.as_str() {
        "en" => Clothes::Sandbox,
        "th" => Clothes::OldMySql,
        _ => Clothes::MariaDb,
    };
    Ok(Site {
        wiki: file.dbname,
        redirect_words: redirect_words(&file.lang),
        lang: file.lang,
        sitename: file.sitename,
        base: file.base,
        generator: file.generator,
        namespaces,
        clothes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        let text = "sitename = \"x\"\ndbname = \"thwiki\"\nlnag = \"th\"\n";
        let Err(Error::Sources(complaints)) = parse(Path::new("siteinfo.toml"), text) else {
            panic!("the file must be refused");
        };
        assert_eq!(complaints[0].line, 3);
        assert!(complaints[0].message.contains("lnag"), "{}", complaints[0].message);
    }
}
