//! Tells copies of Wikipedia pages by their address or by what is left of the page around the text.
//!
//! A copy would be retrieved for the article that it is a copy of, and teach nothing new.

/// Hosts that serve copies; what is below them is theirs too.
const HOSTS: [&str; 22] = [
    "alchetron.com",
    "dbpedia.org",
    "en-academic.com",
    "encyclopedia.thefreedictionary.com",
    "infogalactic.com",
    "justapedia.org",
    "linkfang.org",
    "newworldencyclopedia.org",
    "owlapps.net",
    "qaz.wiki",
    "thereaderwiki.com",
    "wiki2.org",
    "wikibrief.org",
    "wikimedia.org",
    "wikimili.com",
    "wikipedia.org",
    "wikiredia.com",
    "wikivisually.com",
    "wikiwand.com",
    "wikizero.com",
    "wmflabs.org",
    "worddisk.com",
];

/// Each of these says where the text is from, in words that a page of another origin hardly has.
const SAYS_SO: [&str; 7] = [
    "this article uses material from the wikipedia article",
    "it uses material from the wikipedia article",
    "this article is based on material from wikipedia",
    "content from wikipedia licensed under cc",
    "retrieved from \"http://en.wikipedia.org",
    "retrieved from \"https://en.wikipedia.org",
    "original source: wikipedia",
];

/// The line below the title of every page of Wikipedia.
const BYLINE: &str = "from wikipedia, the free encyclopedia";

/// What the page leaves behind around a text; one of them may be in a text about Wikipedia.
const LEFTOVERS: [&str; 7] = [
    "[edit]",
    "[edit | edit source]",
    "[citation needed]",
    "jump to navigation",
    "jump to search",
    "this article is a stub. you can help",
    "text is available under the creative commons attribution-sharealike license",
];

/// Returns whether an address is one of Wikipedia or of a site that copies it.
pub(super) fn is_url(url: &str) -> bool {
    let url = url.trim().to_lowercase();
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let known = HOSTS.iter().any(|it| {
        host.strip_suffix(it).is_some_and(|below| below.is_empty() || below.ends_with('.'))
    });
    // Archives and translators carry the whole address in their own path.
    let carried = path.contains("wikipedia.org/wiki/") || path.contains("wikipedia.org%2fwiki%2f");
    let folder = path.split(['?', '#']).next().unwrap_or_default();
    let named = host.split('.').chain(folder.split('/')).any(|part| part == "wikipedia");
    known || carried || named
}

/// Returns whether a text bears what pages of Wikipedia leave behind.
pub(super) fn is_text(text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |sign: &&&str| text.contains(**sign);
    // A text may well quote the byline, but not on a line of its own.
    let byline = text.lines().any(|line| line.trim().starts_with(BYLINE));
    byline || SAYS_SO.iter().any(|sign| has(&sign)) || 2 <= LEFTOVERS.iter().filter(has).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_copies_are_known() {
        let check = |url: &str, expected: bool| assert_eq!(is_url(url), expected, "{url}");
        check("https://en.wikipedia.org/wiki/Tea", true);
        check("http://EN.M.Wikipedia.org:80/wiki/Tea", true);
        check("https://me@simple.wikipedia.org./w/index.php?title=Tea", true);
        check("wikiwand.com/en/Tea", true);
        check("https://www.dbpedia.org/page/Tea", true);
        check("https://archive.example/web/2010/http://en.wikipedia.org/wiki/Tea", true);
        check("https://example.org/read?u=https%3A%2F%2Fen.wikipedia.org%2Fwiki%2FTea", true);
        check("https://mirror.example/wikipedia/en/Tea", true);
        check("https://wikipedia.example.net/Tea", true);
        check("https://notwikipedia.org/Tea", false);
        check("https://tea.example/wiki/Tea", false);
        check("https://example.org/how-to-edit-wikipedia", false);
        check("https://example.org/?from=wikipedia.org", false);
        check("", false);
        check("://", false);
        check("ช้าง", false);
    }

    #[test]
    fn texts_of_copies_are_known() {
        let check = |text: &str, expected: bool| assert_eq!(is_text(text), expected, "{text}");
        check("\n\nTea\n\nFrom Wikipedia, the free encyclopedia\n\nTea is a drink.", true);
        check("\n\nTea. This article uses material from the Wikipedia article Tea.", true);
        check("\n\nHistory[edit]\n\nIt is old.[citation needed]", true);
        check("\n\nHistory[edit]\n\nUses[edit]", false);
        check("\n\nThe page begins with \"From Wikipedia, the free encyclopedia\".", false);
        check("\n\nI looked it up on Wikipedia.", false);
    }
}
