//! Reasons in words: what each means, and what could be done about it.

use crossic_operators::reject::Reason;

/// Returns what a reason means, and what could be done about it.
pub(super) fn words(reason: Reason) -> (&'static str, &'static str) {
    const FIX_LINK: &str = "correct the link on the wiki (or on Wikidata) and take a later dump";
    const FIX_REDIRECT: &str = "correct the redirect on the wiki and take a later dump";
    const LATER: &str =
        "the tables and the articles of a dump are not of one moment: a later dump may have both";
    const WIKITEXT: &str = "nothing, crossic reads articles in wikitext only";
    const POLICY: &str = "nothing, such pages are no articles";
    const SHORT: &str = "lower `min-tokens` or `min-chars` of `filter-pairs` to take shorter ones";
    match reason {
        Reason::NoDocument => (
            "no document is near enough to the article's title and keywords",
            "take more documents, or see with `crossic calibrate` what a lower `threshold` gives",
        ),
        Reason::BlankTitle => ("the link names no title", FIX_LINK),
        Reason::Fragment => (
            "the link leads to a section, not to an article",
            "link the wikis' articles on the same subject, if both have one",
        ),
        Reason::OtherNamespace => ("the link leads to a page that is no article", FIX_LINK),
        Reason::DuplicateLink => {
            ("the same link is there twice", "nothing, the first of them counts")
        }
        Reason::DeadLink => ("no page bears the title that the link names", FIX_LINK),
        Reason::DeadRedirect => {
            ("the link leads to a redirect, and the redirect to no page", FIX_REDIRECT)
        }
        Reason::RedirectToFragment => (
            "the link leads to a redirect, and the redirect to a section of an article",
            "nothing, a section is not an article on the same subject",
        ),
        Reason::RedirectToOtherNamespace => {
            ("the link leads to a redirect, and the redirect to no article", FIX_REDIRECT)
        }
        Reason::RedirectToInterwiki => {
            ("the link leads to a redirect, and the redirect to another wiki", FIX_REDIRECT)
        }
        Reason::RedirectLoop => {
            ("the redirects behind the link go on too long or in a circle", FIX_REDIRECT)
        }
        Reason::RedirectUnknown => (
            "the link leads to a redirect, and the dump does not say where to",
            "put the `redirect` table of the dump beside its other files",
        ),
        Reason::LinkPolicy => (
            "only one of the two articles links to the other, and the pipeline asks for more",
            "set `links = \"union\"` on `join-langlinks` to take links of either direction",
        ),
        Reason::EnglishDisambiguation => ("the English page is a disambiguation page", POLICY),
        Reason::TargetDisambiguation => {
            ("the target-language page is a disambiguation page", POLICY)
        }
        Reason::EnglishMissing => ("the English page is not in the article dump", LATER),
        Reason::TargetMissing => ("the target-language page is not in the article dump", LATER),
        Reason::EnglishRedirect => {
            ("the English page has become a redirect in the article dump", LATER)
        }
        Reason::TargetRedirect => {
            ("the target-language page has become a redirect in the article dump", LATER)
        }
        Reason::EnglishOtherNamespace => {
            ("the English page has left the articles in the article dump", LATER)
        }
        Reason::TargetOtherNamespace => {
            ("the target-language page has left the articles in the article dump", LATER)
        }
        Reason::EnglishOtherModel => ("the English page is not wikitext", WIKITEXT),
        Reason::TargetOtherModel => ("the target-language page is not wikitext", WIKITEXT),
        Reason::EnglishEmpty => {
            ("nothing is left of the English page once its markup is gone", POLICY)
        }
        Reason::TargetEmpty => {
            ("nothing is left of the target-language page once its markup is gone", POLICY)
        }
        Reason::ManyToOne => (
            "another page of the same language pairs better with the English page",
            "set `many-to-one = \"all\"` on `join-langlinks` to keep them all",
        ),
        Reason::EnglishTooShort => ("the English article is too short", SHORT),
        Reason::TargetTooShort => ("the target-language article is too short", SHORT),
        Reason::LengthRatio => (
            "one of the articles is many times longer than the other",
            "raise `max-length-ratio` of `filter-pairs`, or set it to 0",
        ),
        Reason::NoPartner => (
            "no other pair's English article could be dealt to this one",
            "nothing, it happens in corpora of few pairs",
        ),
        Reason::DuplicatePair => (
            "the same two came together twice, and the first time counts",
            "feed `split-windows` from one operator only that brings these two together",
        ),
        Reason::TitlesTooLong => (
            "the titles leave no room for text in a row of N tokens",
            "raise `tokens` of `split-windows`, or set `repeat-title = \"none\"`",
        ),
        Reason::AllDropped => (
            "every paragraph is longer than a row, and such paragraphs are dropped",
            "set `oversize = \"sentence\"` on `split-windows`, or raise `tokens`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_words() {
        let mut meanings: Vec<&str> = Reason::ALL.iter().map(|reason| words(*reason).0).collect();
        meanings.sort_unstable();
        meanings.dedup();
        assert_eq!(meanings.len(), Reason::ALL.len());
    }
}
