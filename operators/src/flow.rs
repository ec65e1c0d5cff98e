//! Flow: a typed stream whose kind is known only when the pipeline file is read.

use std::sync::Arc;

use differential_dataflow::VecCollection;
use timely::dataflow::StreamVec;

use crate::{
    record::{Article, Langlink, PageId, Pair, Redirect, SourceIndex, Title},
    retrieve::library::EncodedFile,
    split_windows::Splitter,
};

/// Dataflow time: a bounded share of the input, metered in bytes by the sources.
pub type Epoch = u64;

/// Records of one type as differential dataflow sees them: signed, with compact differences.
pub type Rows<'s, R> = VecCollection<'s, Epoch, R, i32>;

/// What a component reads or writes; checked on every edge of a pipeline file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Titles, links, redirects and articles of one wiki.
    Wiki,
    /// Web documents.
    Documents,
    /// Pairs of articles.
    Pairs,
    /// Segments, or whole documents.
    Windows,
}

impl Kind {
    /// Returns the kind as messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Wiki => "wiki",
            Kind::Documents => "documents",
            Kind::Pairs => "pairs",
            Kind::Windows => "windows",
        }
    }
}

/// One wiki's collections.
#[derive(Clone)]
pub struct Wiki<'s> {
    /// Which source this is.
    pub source: SourceIndex,
    /// Titles of namespace 0, redirects among them.
    pub titles: Rows<'s, Title>,
    /// Language links into the wikis of the pipeline.
    pub links: Rows<'s, Langlink>,
    /// Where redirects lead.
    pub redirects: Rows<'s, Redirect>,
    /// Pages that `page_props` calls disambiguation pages.
    pub disambiguations: Rows<'s, PageId>,
    /// What the article dump says of the wanted pages.
    pub articles: Rows<'s, (PageId, Article)>,
}

/// The documents of one source: not themselves, only which files hold them.
#[derive(Clone)]
pub struct Documents<'s> {
    /// Which source this is.
    pub source: SourceIndex,
    /// Files whose vectors are ready to be searched, by the operator that searches them.
    pub files: StreamVec<'s, Epoch, EncodedFile>,
}

/// Pairs, and the pure function that makes segments of them.
#[derive(Clone)]
pub struct Windows<'s> {
    /// Everything a segment depends on.
    pub pairs: Rows<'s, Pair>,
    /// Makes segments of one pair.
    pub splitter: Arc<Splitter>,
}

/// A stream between two components.
#[derive(Clone)]
pub enum Flow<'s> {
    /// One wiki.
    Wiki(Wiki<'s>),
    /// Web documents.
    Documents(Documents<'s>),
    /// Pairs of articles.
    Pairs(Rows<'s, Pair>),
    /// Windows to be written.
    Windows(Windows<'s>),
}

impl<'s> Flow<'s> {
    /// Returns what the flow carries.
    pub fn kind(&self) -> Kind {
        match self {
            Flow::Wiki(_) => Kind::Wiki,
            Flow::Documents(_) => Kind::Documents,
            Flow::Pairs(_) => Kind::Pairs,
            Flow::Windows(_) => Kind::Windows,
        }
    }

    /// Returns the wiki; the check of the pipeline file lets nothing else get here.
    pub fn wiki(self) -> Wiki<'s> {
        match self {
            Flow::Wiki(wiki) => wiki,
            other => unreachable!("check lets no {} in here", other.kind().name()),
        }
    }

    /// Returns the documents; the check of the pipeline file lets nothing else get here.
    pub fn documents(self) -> Documents<'s> {
        match self {
            Flow::Documents(documents) => documents,
            other => unreachable!("check lets no {} in here", other.kind().name()),
        }
    }

    /// Returns the pairs; the check of the pipeline file lets nothing else get here.
    pub fn pairs(self) -> Rows<'s, Pair> {
        match self {
            Flow::Pairs(pairs) => pairs,
            other => unreachable!("check lets no {} in here", other.kind().name()),
        }
    }

    /// Returns the windows; the check of the pipeline file lets nothing else get here.
    pub fn windows(self) -> Windows<'s> {
        match self {
            Flow::Windows(windows) => windows,
            other => unreachable!("check lets no {} in here", other.kind().name()),
        }
    }
}
