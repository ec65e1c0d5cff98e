//! What the article dump says of a page: which version counts, and its text or why it has none.

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

/// Which side of a pair a page is on.
#[derive(Clone, Copy)]
pub(crate) enum Sided {
    English,
    Target,
}

/// Returns the text of an article, its links too, or why it has none on a side.
pub(crate) fn text_of(article: Article, side: Sided) -> Result<Text, Reason> {
    use Sided::{English, Target};
    match (article, side) {
        (Article::Text(text), _) => Ok(text),
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
