//! What becomes of one page: an article with its text, links and flags, or a reason why there is none.

use std::collections::BTreeMap;

use crossic_operators::wikitext::{
    ArticleResidue, Cleaned, Options, Page, Residue, clean, residue,
};
use serde::Serialize;

use super::input::Wiki;
use crate::dump::xml::RawPage;

/// What stands between paragraphs.
const BREAK: &str = "\n\n";

/// An article as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Article {
    /// Page id.
    pub id: u32,
    /// Revision, 0 if the dump has none.
    pub revision: u64,
    /// Title.
    pub title: String,
    /// Paragraphs with a blank line between them, without the title.
    pub text: String,
    /// Links in the order of the text.
    pub links: Vec<ArticleLink>,
    /// What a reader should know: `disambiguation`, `holes`, `markup`.
    pub flags: Vec<&'static str>,
    /// Kinds of markup that are left, and `holes`, each with its count.
    pub residue: BTreeMap<&'static str, u16>,
}

/// A link to another article of the wiki.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArticleLink {
    /// Title that it leads to, as the wiki writes it.
    pub target: String,
    /// What the text shows.
    pub label: String,
    /// Where the label begins in the text, in characters (Unicode code points).
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

/// What was seen of an article beside what is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Markup that is left.
    pub residue: Residue,
    /// Places in the middle of a sentence where something unknown was dropped.
    pub n_holes: u32,
    /// Links.
    pub n_links: u64,
    /// Bytes of text.
    pub n_text_bytes: u64,
    /// Whether the page lists meanings.
    pub is_disambiguation: bool,
}

/// What became of a page.
#[derive(Clone, Debug)]
pub enum Outcome<A> {
    /// It is an article.
    Article(A, Box<Seen>),
    /// It is none, for this reason.
    Refused(&'static str),
}

impl<A> Outcome<A> {
    /// Returns the outcome with the article made into something else.
    pub fn map<B>(self, change: impl FnOnce(A) -> B) -> Outcome<B> {
        match self {
            Outcome::Article(article, seen) => Outcome::Article(change(article), seen),
            Outcome::Refused(reason) => Outcome::Refused(reason),
        }
    }
}

/// Returns why a page is no article, without looking at its text.
pub(super) fn refusal(page: &RawPage) -> Option<&'static str> {
    if page.ns != 0 {
        Some("other-namespace")
    } else if page.redirect.is_some() {
        Some("redirect")
    } else if page.model != "wikitext" {
        Some("other-model")
    } else {
        None
    }
}

/// Cleans a page, using `buffer` for its wikitext.
pub(super) fn outcome(
    page: &RawPage,
    buffer: &mut String,
    wiki: &Wiki,
    options: &Options,
) -> Outcome<Article> {
    if let Some(reason) = refusal(page) {
        return Outcome::Refused(reason);
    }
    let wikitext = Page { title: &page.title, wikitext: page.text(buffer) };
    let cleaned = clean(wikitext, &wiki.cleaner, options);
    if cleaned.paragraphs.is_empty() {
        return Outcome::Refused("empty");
    }
    let residue = residue(&cleaned.paragraphs, &wiki.cleaner);
    let mut flags = Vec::new();
    if cleaned.disambiguation {
        flags.push("disambiguation");
    }
    if cleaned.n_holes != 0 {
        flags.push("holes");
    }
    if residue.brackets + residue.braces + residue.tags + residue.prefixes != 0 {
        flags.push("markup");
    }
    let article = Article {
        id: page.id,
        revision: page.revision,
        title: page.title.clone(),
        text: cleaned.paragraphs.join(BREAK),
        links: links(&cleaned, wiki),
        flags,
        residue: ArticleResidue::new(&residue, cleaned.n_holes).found().collect(),
    };
    let seen = Seen {
        residue,
        n_holes: cleaned.n_holes,
        n_links: article.links.len() as u64,
        n_text_bytes: article.text.len() as u64,
        is_disambiguation: cleaned.disambiguation,
    };
    Outcome::Article(article, Box::new(seen))
}

/// Returns the links to articles, their places counted in characters of the whole text.
fn links(cleaned: &Cleaned, wiki: &Wiki) -> Vec<ArticleLink> {
    let mut links = Vec::with_capacity(cleaned.links.len());
    let mut found = cleaned.links.iter().peekable();
    let mut n_before = 0;
    for (index, paragraph) in cleaned.paragraphs.iter().enumerate() {
        // A byte of the paragraph, and how many characters come before it.
        let (mut byte, mut n_chars) = (0, 0);
        while let Some(link) = found.next_if(|link| link.paragraph as usize <= index) {
            let (start, end) = (link.start as usize, link.end as usize);
            if start < byte {
                (byte, n_chars) = (0, 0);
            }
            n_chars += count(paragraph.get(byte..start));
            byte = start;
            let label = paragraph.get(start..end).unwrap_or_default();
            // Links to other namespaces and to sections of the page lead to no article.
            let Some(target) = wiki.rules.title(link.target) else { continue };
            let start = n_before + n_chars;
            let end = start + count(Some(label));
            links.push(ArticleLink { target, label: label.to_owned(), start, end });
        }
        n_before += n_chars + count(paragraph.get(byte..)) + BREAK.len() as u32;
    }
    links
}

fn count(text: Option<&str>) -> u32 {
    text.unwrap_or_default().chars().count() as u32
}

#[cfg(test)]
mod tests {
    use crossic_operators::wikitext::{Headings, Site};

    use super::*;
    use crate::sources::TitleRules;

    fn article(lang: &str, wikitext: &str) -> Outcome<Article> {
        let wiki = Wiki {
            lang: lang.to_owned(),
            site: None,
            tables: None,
            cleaner: Site::new(lang, &[]),
            rules: TitleRules::new(None),
        };
        let text_raw = wikitext.to_owned();
        let page = RawPage { id: 7, model: "wikitext".to_owned(), text_raw, ..RawPage::default() };
        let options =
            Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false };
        outcome(&page, &mut String::new(), &wiki, &options)
    }

    #[test]
    fn the_place_of_a_link_is_counted_in_characters() {
        let page = "[[ช้าง]]และ [[สัตว์_บก|ตัว]].\n\n''[[elephant]]''s [[User:X|x]] 𓃰 [[#a|b]] [[b]].";
        let Outcome::Article(article, seen) = article("th", page) else { panic!("an article") };
        assert_eq!(article.text, "ช้างและ ตัว.\n\nelephants x 𓃰 b b.");
        let chars: Vec<char> = article.text.chars().collect();
        for link in &article.links {
            let shown: String = chars[link.start as usize..link.end as usize].iter().collect();
            assert_eq!(shown, link.label);
        }
        let targets: Vec<_> = article.links.iter().map(|it| it.target.as_str()).collect();
        assert_eq!(targets, ["ช้าง", "สัตว์ บก", "Elephant", "B"]);
        assert_eq!((seen.n_links, article.flags), (4, vec![]));
    }

    #[test]
    fn a_page_is_flagged_or_refused() {
        let Outcome::Article(article, _) =
            self::article("en", "A {{zzz}} of x.\n<nowiki>[[</nowiki> is.\n{{disambiguation}}")
        else {
            panic!("an article")
        };
        assert_eq!(article.flags, ["disambiguation", "holes", "markup"]);
        assert_eq!(article.residue, BTreeMap::from([("brackets", 1), ("holes", 1)]));
        assert!(matches!(self::article("en", "{{zzz}}"), Outcome::Refused("empty")));
    }
}
