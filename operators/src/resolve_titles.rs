//! Resolves the titles that links name to pages, through redirects.

use differential_dataflow::{
    operators::arrange::{Arranged, TraceAgent},
    trace::implementations::ValSpine,
};

use crate::{
    context::{Context, Measure},
    flow::{Epoch, Rows, Wiki},
    record::{Digest, Langlink, PageId, SourceIndex, Target},
    reject::{Reason, Subject},
};

/// Redirects in a row that are followed (MediaWiki follows one; dumps hold double redirects).
const MAX_HOPS: usize = 5;

type ByKey<'s, K, V> = Arranged<'s, TraceAgent<ValSpine<K, V, Epoch, i32>>>;

/// One wiki's titles and redirects, arranged to be looked up.
#[derive(Clone)]
pub(crate) struct Index<'s> {
    titles: ByKey<'s, Digest, (PageId, bool)>,
    redirects: ByKey<'s, PageId, Target>,
}

impl<'s> Index<'s> {
    pub(crate) fn new(wiki: &Wiki<'s>) -> Self {
        Index {
            titles: wiki
                .titles
                .clone()
                .map(|it| (it.title, (it.page, it.redirect)))
                .arrange_by_key_named("Pages by title"),
            redirects: wiki
                .redirects
                .clone()
                .map(|it| (it.from, it.target))
                .arrange_by_key_named("Redirects by page"),
        }
    }
}

/// Returns (linking page, linked page) for each link of the wiki `source` that leads to an article
/// of the wiki behind `index`; every other link becomes a reject.
///
/// Links are counted under the target language `target`, in whichever direction they lead.
pub(crate) fn resolve<'s>(
    cx: &Context<'s>,
    (source, target): (SourceIndex, SourceIndex),
    links: Rows<'s, Langlink>,
    index: &Index<'s>,
) -> Rows<'s, (PageId, PageId)> {
    let subject = move |link: &Langlink| Subject::Link {
        source,
        from: link.from,
        to: link.to,
        target: link.target,
    };
    cx.tally(&links, move |_| (Measure::LinksIn, target, 1));
    let distinct = links.clone().distinct_core::<i32>();
    let repeated = links.concat(distinct.clone().negate()).consolidate();
    cx.reject(repeated.map(move |link| (subject(&link), Reason::DuplicateLink)));

    let mut open: Rows<'s, (Langlink, Digest)> = cx.try_map(distinct, subject, |link| {
        let title = title_of(link.target, LINK)?;
        Ok((*link, title))
    });
    let mut resolved = Vec::new();
    for hop in 0..=MAX_HOPS {
        let found = open
            .clone()
            .map(|(link, title)| (title, link))
            .join_core(index.titles.clone(), |&title, &link, &page| Some(((link, title), page)))
            // Two pages with one title exist only in a broken dump: the lower id counts.
            .reduce_named("One page a title", |_, pages, output| {
                if let Some((page, _)) = pages.first() {
                    output.push((**page, 1));
                }
            });
        let dead = open.concat(found.clone().map(|(link, _)| link).negate()).consolidate();
        let reason = if hop == 0 { Reason::DeadLink } else { Reason::DeadRedirect };
        cx.reject(dead.map(move |(link, _)| (subject(&link), reason)));
        resolved.push(
            found
                .clone()
                .filter(|(_, (_, redirect))| !redirect)
                .map(|((link, _), (page, _))| (link.from, page)),
        );

        let redirecting =
            found.filter(|(_, (_, redirect))| *redirect).map(|((link, _), (page, _))| (page, link));
        if hop == MAX_HOPS {
            cx.reject(redirecting.map(move |(_, link)| (subject(&link), Reason::RedirectLoop)));
            break;
        }
        let led = redirecting
            .clone()
            .join_core(index.redirects.clone(), |&page, &link, &to| Some(((page, link), to)))
            .reduce_named("One target a redirect", |_, targets, output| {
                if let Some((target, _)) = targets.first() {
                    output.push((**target, 1));
                }
            });
        let unknown = redirecting.concat(led.clone().map(|(row, _)| row).negate()).consolidate();
        cx.reject(unknown.map(move |(_, link)| (subject(&link), Reason::RedirectUnknown)));
        open = cx.try_map(
            led,
            move |((_, link), _)| subject(link),
            |((_, link), to)| title_of(*to, REDIRECT).map(|title| (*link, title)),
        );
    }
    differential_dataflow::collection::concatenate(cx.scope, resolved)
}

/// The reasons for a blank, a fragment, another namespace and another wiki.
type Reasons = [Reason; 4];
const LINK: Reasons =
    [Reason::BlankTitle, Reason::Fragment, Reason::OtherNamespace, Reason::OtherNamespace];
const REDIRECT: Reasons = [
    Reason::DeadRedirect,
    Reason::RedirectToFragment,
    Reason::RedirectToOtherNamespace,
    Reason::RedirectToInterwiki,
];

fn title_of(
    target: Target,
    [blank, fragment, namespace, interwiki]: Reasons,
) -> Result<Digest, Reason> {
    match target {
        Target::Title(title) => Ok(title),
        Target::Blank => Err(blank),
        Target::Fragment => Err(fragment),
        Target::OtherNamespace => Err(namespace),
        Target::Interwiki => Err(interwiki),
    }
}
