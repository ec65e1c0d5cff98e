//! Redirects: finds out from its text whether a page is one, and where it leads.

use crate::dump::site::Site;

/// The target of a redirect, in the parts that the redirect table has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// The interwiki prefix, empty for a page of the same wiki.
    pub interwiki: String,
    /// The namespace number; 0 for a page of another wiki.
    pub namespace: i32,
    /// The title without prefix, with spaces.
    pub title: String,
    /// The section, empty for the top of the page.
    pub fragment: String,
}

/// The prefixes that lead to another wiki.
const INTERWIKI: [&str; 18] = [
    "ar",
    "c",
    "commons",
    "de",
    "en",
    "es",
    "fr",
    "it",
    "ja",
    "m",
    "meta",
    "pt",
    "s",
    "th",
    "wikispecies",
    "wikt",
    "wiktionary",
    "zh",
];

/// What the start of a text says about redirection.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The text does not start with a redirect word.
    Ordinary,
    /// The text leads elsewhere.
    To(Redirect),
    /// The text starts with a redirect word, but no link follows.
    Broken,
}

/// Parses the start of a text.
pub fn parse(site: &Site, text: &str) -> Parsed {
    let start = text.trim_start();
    let Some(rest) = site.redirect_words.iter().find_map(|word| after_word(start, word)) else {
        return Parsed::Ordinary;
    };
    let link = rest.trim_start().trim_start_matches(':').trim_start();
    let inner = link.strip_prefix("[[").and_then(|link| link.split_once("]]"));
    let Some((inner, _)) = inner else {
        return Parsed::Broken;
    };
    let target = inner.split('|').next().unwrap_or_default().trim();
    let (full_title, fragment) = target.split_once('#').unwrap_or((target, ""));
    let full_title = full_title.trim_start_matches(':');
    if full_title.trim().is_empty() {
        return Parsed::Broken;
    }
    let fragment = fragment.replace('_', " ").trim().to_string();
    let interwiki = full_title.split_once(':').filter(|(prefix, _)| {
        INTERWIKI.contains(&prefix.trim().to_lowercase().as_str())
            && prefix.trim().to_lowercase() != site.lang
    });
    Parsed::To(match interwiki {
        Some((prefix, rest)) => Redirect {
            interwiki: prefix.trim().to_lowercase(),
            namespace: 0,
            title: rest.replace('_', " ").trim().to_string(),
            fragment,
        },
        None => {
            let (namespace, title) = site.split_title(full_title);
            Redirect { interwiki: String::new(), namespace, title, fragment }
        }
    })
}

// Redirect words are compared without regard to case, letter by letter, so that the cut is at a
// boundary.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in word.chars() {
        let found = rest.next()?;
        if !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::site::{Clothes, Namespace};

    fn check(text: &str, expected: Parsed) {
        let site = Site {
            wiki: "thwiki".into(),
            lang: "th".into(),
            sitename: String::new(),
            base: String::new(),
            generator: String::new(),
            namespaces: vec![Namespace {
                key: 14, name: "หมวดหมู่".into(), aliases: vec![]
            }],
            redirect_words: vec!["#REDIRECT".into(), "#เปลี่ยนทาง".into()],
            clothes: Clothes::OldMySql,
        };
        assert_eq!(parse(&site, text), expected, "{text}");
    }

    fn to(interwiki: &str, namespace: i32, title: &str, fragment: &str) -> Parsed {
        Parsed::To(Redirect {
            interwiki: interwiki.into(),
            namespace,
            title: title.into(),
            fragment: fragment.into(),
        })
    }

    #[test]
    fn redirects_are_resolved_in_every_form() {
        check("#REDIRECT [[ช้าง]]", to("", 0, "ช้าง", ""));
        check("#redirect: [[ช้าง#อาหาร_หลัก|x]] {{R}}", to("", 0, "ช้าง", "อาหาร หลัก"));
        check("#เปลี่ยนทาง[[หมวดหมู่:สัตว์]]", to("", 14, "สัตว์", ""));
        check("#REDIRECT [[wikt:elephant]]", to("wikt", 0, "elephant", ""));
        check("#REDIRECT [[:en:Elephant]]", to("en", 0, "Elephant", ""));
    }

    #[test]
    fn other_texts_are_ordinary_and_a_word_without_link_is_broken() {
        check("'''ช้าง'''", Parsed::Ordinary);
        check("# รายการ", Parsed::Ordinary);
        check("#REDIRECT ช้าง", Parsed::Broken);
        check("#REDIRECT [[#ส่วน]]", Parsed::Broken);
    }
}
