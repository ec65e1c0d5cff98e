//! The links of a page to articles of its own wiki, taken from the wikitext before anything is
//! cleaned away, with where on the page each stands.
//!
//! Linear in the page: every token is visited once, and a link looks only at the tokens that lie
//! directly in its brackets. Links in comments, `<nowiki>`, footnotes and other opaque tags are none.

use serde::{Deserialize, Serialize};

use super::{
    MAX_BYTES, Site,
    args::Span,
    names::{normalise_name, normalise_title},
    render::{first_pipe, flat},
    site::Prefix,
    tokens::{self, Kind, NONE, Token},
};

/// Most links that are taken from a page; the longest lists of Wikipedia have about as many.
const MAX_LINKS: usize = 20_000;
/// Longest title of MediaWiki, in bytes; a longer target leads nowhere, a longer label is no name.
const MAX_TITLE: usize = 255;

/// A link as it stands in the wikitext.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wikilink {
    /// Title it leads to: trimmed, single spaces for underscores, without fragment.
    pub target: String,
    /// What the page shows for it; empty where that is more than characters, or very long.
    pub label: String,
    /// How many headings of the first two levels stand before it; 0 is the lead.
    pub section: u32,
    /// Byte of its opening brackets in the wikitext.
    pub start: u32,
    /// Whether it stands outside of templates, tables and captions.
    pub is_prose: bool,
}

/// Returns the links of a page to articles of its wiki, in the order of the page.
///
/// ```
/// use crossic_operators::wikitext::{Site, wikilinks};
/// let links = wikilinks("The [[lion|big cat]] <!-- [[dog]] --> of [[File:A.jpg]]", &Site::new("en", &[]));
/// assert_eq!(links.len(), 1);
/// assert_eq!((links[0].target.as_str(), links[0].label.as_str()), ("lion", "big cat"));
/// ```
pub fn wikilinks(wikitext: &str, site: &Site) -> Vec<Wikilink> {
    let source = wikitext.get(..wikitext.floor_char_boundary(MAX_BYTES)).unwrap_or(wikitext);
    let tokens = tokens::tokenise(source, site.has_variants()).list;
    let mut page = Page { source, tokens: &tokens, site, name: String::new() };
    let mut links = Vec::new();
    let mut section = 0;
    // Token at which the outermost template, table or caption ends.
    let mut aside_end = 0;
    for (index, token) in tokens.iter().enumerate() {
        let is_prose = aside_end <= index;
        match (token.kind, token.closer()) {
            (Kind::Heading, _) if is_prose && token.mate <= 2 => section += 1,
            (Kind::TemplateOpen | Kind::TableOpen, Some(closer)) => {
                aside_end = aside_end.max(closer);
            }
            (Kind::Link, _) | (Kind::LinkOpen, Some(_)) => match page.link(index, token) {
                Aim::Article(target, label) => {
                    links.push(Wikilink { target, label, section, start: token.pos, is_prose });
                    if links.len() == MAX_LINKS {
                        break;
                    }
                }
                Aim::Hidden => aside_end = aside_end.max(token.closer().unwrap_or(0)),
                Aim::Elsewhere => {}
            },
            _ => {}
        }
    }
    links
}

/// Where a link leads.
enum Aim {
    /// To an article of this wiki: target and label.
    Article(String, String),
    /// To nothing: it includes a file or files the page in a category.
    Hidden,
    /// To another namespace or wiki, or to no title at all.
    Elsewhere,
}

/// What reading a link needs.
struct Page<'a> {
    source: &'a str,
    tokens: &'a [Token],
    site: &'a Site,
    /// Reused for the normal forms of prefixes.
    name: String,
}

impl Page<'_> {
    /// Returns where a link leads; links without markup and others take the same way from here.
    fn link(&mut self, index: usize, open: &Token) -> Aim {
        let (inner, pipe) = match open.closer() {
            Some(closer) => {
                let end = self.tokens.get(closer).map_or(open.end(), Token::start);
                let inner = Span { start: open.end(), end, first: index + 1, last: closer };
                let pipe = first_pipe(self.tokens, inner);
                let place = pipe.and_then(|pipe| Some((pipe, self.tokens.get(pipe)?.start())));
                (inner, place)
            }
            None => {
                let (start, end) = (open.start() + 2, open.end().saturating_sub(2));
                let pipe = (open.mate != NONE).then(|| (0, open.start() + open.mate as usize));
                (Span { start, end, first: 0, last: 0 }, pipe)
            }
        };
        let before = match pipe {
            Some((pipe, start)) => Span { end: start, last: pipe, ..inner },
            None => inner,
        };
        // A target made by a template is known only once the template is expanded.
        let Some(shown) = flat(self.source, self.tokens, before) else {
            return Aim::Elsewhere;
        };
        let title = shown.trim();
        if title.starts_with("//") {
            return Aim::Elsewhere;
        }
        let (is_shown, title) = match title.strip_prefix(':') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, title),
        };
        if let Some((name, _)) = title.split_once(':') {
            // No prefix is longer than a title, and the look-up need not copy what is.
            let name = if MAX_TITLE < name.len() { "" } else { name };
            normalise_name(name, &mut self.name);
            match self.site.prefix(&self.name) {
                Some(Prefix::Hidden) if !is_shown => return Aim::Hidden,
                Some(_) => return Aim::Elsewhere,
                None => {}
            }
        }
        let target = normalise_title(title);
        if target.is_empty() || MAX_TITLE < target.len() {
            return Aim::Elsewhere;
        }
        let label = match pipe {
            Some((pipe, start)) => {
                let first = inner.last.min(pipe + 1);
                let after = Span { start: start + 1, first, ..inner };
                flat(self.source, self.tokens, after).unwrap_or_default()
            }
            None => title.into(),
        };
        let label = Some(label.trim()).filter(|label| label.len() <= MAX_TITLE);
        Aim::Article(target, label.unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wikitext::{Headings, Options, clean};

    #[track_caller]
    fn check(
        lang: &str,
        namespaces: &[(i32, &str)],
        wikitext: &str,
        expected: &[(&str, u32, bool)],
    ) {
        let namespaces: Vec<_> =
            namespaces.iter().map(|(key, name)| (*key, (*name).to_owned())).collect();
        let links = wikilinks(wikitext, &Site::new(lang, &namespaces));
        let found: Vec<_> =
            links.iter().map(|it| (it.target.as_str(), it.section, it.is_prose)).collect();
        assert_eq!(found, expected, "of {wikitext:?}");
    }

    #[test]
    fn links_are_found_with_their_section() {
        let page = "[[a]] [[b_c#d|x]]\n== One ==\n[[e]]\n=== Two ===\n[[f]]\n== Three ==\n[[g]]";
        let expected =
            [("a", 0, true), ("b c", 0, true), ("e", 1, true), ("f", 1, true), ("g", 2, true)];
        check("en", &[], page, &expected);
    }

    #[test]
    fn what_is_not_text_holds_no_link() {
        for page in [
            "<!-- [[a]] -->",
            "<nowiki>[[a]]</nowiki>",
            "x<ref>[[a]]</ref>",
            "<math>[[a]]</math>",
            "[[#part]]",
            "[[ ]]",
            "[[|x]]",
            "[[a",
            "[[{{a}}]]",
            "[[File:a.jpg]]",
            "[[Category:a]]",
            "[[:Category:a]]",
            "[[User:a|b]]",
            "[[de:a]]",
        ] {
            check("en", &[], page, &[]);
        }
        let long = format!("[[{}]]", "ก".repeat(86));
        check("th", &[], &long, &[]);
    }

    #[test]
    fn links_in_templates_tables_and_captions_are_aside() {
        check("en", &[], "{{box|x=[[a]]}} [[b]]", &[("a", 0, false), ("b", 0, true)]);
        check("en", &[], "{|\n| [[a]]\n|}\n[[b]]", &[("a", 0, false), ("b", 0, true)]);
        check("en", &[], "[[File:x.jpg|thumb|A [[a]]]] [[b]]", &[("a", 0, false), ("b", 0, true)]);
    }

    #[test]
    fn namespaces_come_from_the_wiki() {
        check(
            "th",
            &[(6, "ไฟล์"), (14, "หมวดหมู่")],
            "[[ไฟล์:ก.jpg|[[ข]]]] [[หมวดหมู่:ค]] [[ช้าง]]",
            &[("ข", 0, false), ("ช้าง", 0, true)],
        );
        check("ar", &[(14, "تصنيف")], "[[تصنيف:قطط]] [[قط|القطط]]", &[("قط", 0, true)]);
        check("xx", &[(14, "Zzz")], "[[zZZ: a]] [[Yyy: a]]", &[("Yyy: a", 0, true)]);
    }

    #[test]
    fn labels_are_what_the_page_shows() {
        let labels = |page: &str| -> Vec<String> {
            wikilinks(page, &Site::new("ja", &[])).into_iter().map(|it| it.label).collect()
        };
        assert_eq!(labels("[[象|ゾウ]] [[a|''b'' &amp; c]] [[d|{{e}}]]"), ["ゾウ", "b & c", ""]);
    }

    /// Returns the number of tokens and the steps that all links together may take: those over the
    /// tokens directly in their brackets, once for the pipe and once for target and label.
    fn cost(page: &str) -> (usize, usize) {
        let tokens = tokens::tokenise(page, false).list;
        let mut n_steps = 0;
        for (index, token) in tokens.iter().enumerate() {
            let (Kind::LinkOpen, Some(closer)) = (token.kind, token.closer()) else { continue };
            let mut at = index + 1;
            while at < closer {
                n_steps += 2;
                at = tokens[at].closer().unwrap_or(at) + 1;
            }
        }
        (tokens.len(), n_steps)
    }

    #[test]
    fn links_take_a_linear_number_of_steps() {
        let n = 20_000;
        for (open, close) in [
            ("[[", "]]"),
            ("[[a|", "]]"),
            ("[[&amp;", "]]"),
            ("[[a|''b''&amp;", "]]"),
            ("[[{{", "}}]]"),
        ] {
            for page in [
                format!("{}{}", open.repeat(n), close.repeat(n)),
                format!("{open}{close}").repeat(n),
                format!("{open}{}{close}", "&amp;''".repeat(n)),
            ] {
                let (n_tokens, n_steps) = cost(&page);
                assert!(
                    n < n_tokens && n_steps <= 2 * n_tokens,
                    "{n_steps} for {n_tokens} of {open}"
                );
            }
        }
    }

    #[test]
    fn hostile_pages_are_bounded() {
        let site = Site::new("en", &[]);
        let n = 50_000;
        for unit in ["[[", "[[a|", "{{[[a", "[[File:a|", "[[a]]", "]][[", "{|[[a|b", "<!--[["] {
            let page = unit.repeat(n);
            assert!(wikilinks(&page, &site).len() <= MAX_LINKS);
        }
        let nested = format!("{}{}", "[[a|".repeat(n), "]]".repeat(n));
        assert!(wikilinks(&nested, &site).len() <= MAX_LINKS);
        let files = format!("{}{}", "[[File:a|[[b]]".repeat(n), "]]".repeat(n));
        assert_eq!(wikilinks(&files, &site).len(), MAX_LINKS);
    }

    proptest! {
        #[test]
        fn links_of_the_prose_are_those_of_the_cleaner(parts in prop::collection::vec(
            prop::sample::select(vec![
                "ช้าง ", "เป็น", "Word. ", "[[a]] ", "[[ช้างเอเชีย|ช้าง]]", "[[قط#x|القطط]]s ", "[[象]]は", "''b'' ",
                "[[a_b|''c'']] ", "<!-- [[d]] -->", "<nowiki>[[e]]</nowiki> ", "x<ref>[[f]]</ref> ", "[[User:g|h]] ",
                "[[File:i.jpg|thumb|j]]", "{{k|a=[[l]]}}", "[[:Category:m|n]] ", "\n\n", "[[de:o]]", "&amp; ", "[http://p q] ",
                "]] ", "[[r\n\n", "\n== s ==\nt ",
            ]),
            0..30,
        )) {
            let page = parts.concat();
            let site = Site::new("th", &[]);
            let options =
                Options { headings: Headings::Drop, lists: true, boilerplate: true, math: false };
            let expected: Vec<_> =
                clean(&page, &site, &options).links.iter().map(|it| it.target.to_owned()).collect();
            let links = wikilinks(&page, &site).into_iter().filter(|it| it.is_prose);
            prop_assert_eq!(links.map(|it| it.target).collect::<Vec<_>>(), expected, "{}", page);
        }
    }
}
