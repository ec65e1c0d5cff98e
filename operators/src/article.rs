//! Articles as operators take them: which version of a page counts, and why one has no text.

use crate::{
    record::{Article, Text},
    reject::Reason,
};

/// Returns the version of a page that counts: the one with the latest revision.
pub(crate) fn latest(versions: impl IntoIterator<Item = Article>) -> Option<Article> {
    let revision = |article: &Article| match article {
        Article::Text(text) => Some(text.revision),
        _ => None,
    };
    versions.into_iter().max_by_key(|it| (revision(it), *it))
}

/// A side of a pair.
#[derive(Clone, Copy)]
pub(crate) enum Sided {
    English,
    Target,
}

/// Returns the text of a target article, its links too, or why there is none.
pub(crate) fn target_text(article: Article) -> Result<Text, Reason> {
    match article {
        Article::Text(text) => Ok(text),
        other => text_of(other, Sided::Target),
    }
}

/// Returns the text of an article as a pair has it, or why there is none.
pub(crate) fn text_of(article: Article, side: Sided) -> Result<Text, Reason> {
    use Sided::{English, Target};
    match (article, side) {
        (Article::Text(text), _) => Ok(text.without_links()),
        (Article::Redirect, English) => Err(Reason::EnglishRedirect),
        (Article::Redirect, Target) => Err(Reason::TargetRedirect),
        (Article::OtherNamespace, English) => Err(Reason::EnglishOtherNamespace),
        (Article::OtherNamespace, Target) => Err(Reason::TargetOtherNamespace),
        (Article::OtherModel, English) => Err(Reason::EnglishOtherModel),
        (Article::OtherModel, Target) => Err(Reason::TargetOtherModel),
        (Article::Empty, English) => Err(Reason::EnglishEmpty),
        (Article::Empty, Target) => Err(Reason::TargetEmpty),
        (Article::Disambiguation, English) => Err(Reason::EnglishDisambiguation),
        (Article::Disambiguation, Target) => Err(Reason::TargetDisambiguation),
    }
}
