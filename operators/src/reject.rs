//! Rejects: links and pairs that cannot be used, and why.

use serde::{Deserialize, Serialize};

use crate::record::{Digest, Identity, PageId, Pair, SourceIndex, Target};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Why a record was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Reason { $($(#[$doc])* $variant),* }

        impl Reason {
            /// Every reason, in the order of the declaration.
            pub const ALL: &[Reason] = &[$(Reason::$variant),*];

            /// Returns the reason in kebab-case, as reports and files write it.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name),* }
            }
        }
    };
}

reasons! {
    /// The link names nothing.
    BlankTitle = "blank-title",
    /// The link leads to a section of an article.
    Fragment = "fragment",
    /// The link leads outside namespace 0.
    OtherNamespace = "other-namespace",
    /// The same row twice.
    DuplicateLink = "duplicate-link",
    /// No page bears the title.
    DeadLink = "dead-link",
    /// The title is a redirect to a title that no page bears.
    DeadRedirect = "dead-redirect",
    /// The title is a redirect to a section of an article.
    RedirectToFragment = "redirect-to-fragment",
    /// The title is a redirect that leaves namespace 0.
    RedirectToOtherNamespace = "redirect-to-other-namespace",
    /// The title is a redirect that leaves the wiki.
    RedirectToInterwiki = "redirect-to-interwiki",
    /// More than five redirects in a row, or a cycle.
    RedirectLoop = "redirect-loop",
    /// The page is a redirect, but the dump does not say where to.
    RedirectUnknown = "redirect-unknown",
    /// The pipeline's link policy does not take links of this direction alone.
    LinkPolicy = "link-policy",
    /// The English page is a disambiguation page.
    EnglishDisambiguation = "english-disambiguation",
    /// The target-language page is a disambiguation page.
    TargetDisambiguation = "target-disambiguation",
    /// The English page is not in the article dump.
    EnglishMissing = "english-missing",
    /// The target-language page is not in the article dump.
    TargetMissing = "target-missing",
    /// The English page is a redirect in the article dump.
    EnglishRedirect = "english-redirect",
    /// The target-language page is a redirect in the article dump.
    TargetRedirect = "target-redirect",
    /// The English page is in another namespace.
    EnglishOtherNamespace = "english-other-namespace",
    /// The target-language page is in another namespace.
    TargetOtherNamespace = "target-other-namespace",
    /// The English page is not wikitext.
    EnglishOtherModel = "english-other-model",
    /// The target-language page is not wikitext.
    TargetOtherModel = "target-other-model",
    /// Nothing is left of the English page after cleaning.
    EnglishEmpty = "english-empty",
    /// Nothing is left of the target-language page after cleaning.
    TargetEmpty = "target-empty",
    /// Another page of the same language pairs better with the English page.
    ManyToOne = "many-to-one",
    /// The English side has too few tokens or characters.
    EnglishTooShort = "english-too-short",
    /// The target-language side has too few tokens or characters.
    TargetTooShort = "target-too-short",
    /// The lengths of the two sides differ too much.
    LengthRatio = "length-ratio",
    /// No other pair's English article is free for this one.
    NoPartner = "no-partner",
    /// No document is near enough to the article.
    NoDocument = "no-document",
    /// The titles leave no room for text in a segment of N tokens.
    TitlesTooLong = "titles-too-long",
    /// The pair gave no segment: every paragraph was dropped as oversize.
    AllDropped = "all-dropped",
    /// The same two came together twice.
    DuplicatePair = "duplicate-pair",
}

/// The record that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A language link.
    Link {
        /// The wiki that holds the link.
        source: SourceIndex,
        /// The page that holds it.
        from: PageId,
        /// The wiki it leads to.
        to: SourceIndex,
        /// What it names.
        target: Target,
    },
    /// A page that was to get a partner.
    Page {
        /// Its wiki.
        source: SourceIndex,
        /// The page.
        page: PageId,
    },
    /// A pair of pages.
    Pair {
        /// The English page.
        english: (SourceIndex, PageId),
        /// The target-language page.
        target: (SourceIndex, PageId),
    },
    /// A page and a document.
    Web {
        /// The source of the document.
        documents: SourceIndex,
        /// The target-language page.
        target: (SourceIndex, PageId),
        /// Key in the packs of how the document was found, which tells what it is called.
        evidence: Digest,
    },
}

impl From<&Pair> for Subject {
    fn from(pair: &Pair) -> Subject {
        let target = (pair.target.source, pair.target.page);
        match pair.english.identity() {
            Identity::Page(page) => Subject::Pair { english: (pair.english.source, page), target },
            Identity::Text(_) => {
                Subject::Web { documents: pair.english.source, target, evidence: pair.evidence }
            }
        }
    }
}

/// A refused record: who refused it, what it was, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reject {
    /// Position of the component among the operators of the pipeline, sorted by name.
    pub stage: u16,
    /// Why.
    pub reason: Reason,
    /// What.
    pub subject: Subject,
}
