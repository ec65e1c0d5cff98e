//! The twin of `join-langlinks`: nested loops over plain lists, one epoch, no indexes.

use crossic_operators::{
    context::{Measure, Outcome, Tally},
    record::{
        Article, Digest, Directions, Langlink, Origin, PageId, Pair, Side, SourceIndex, Target,
        Text,
    },
    reject::{Reason, Reject, Subject},
};

use crate::common::{Output, Row, STAGE, add};

type Rows = [(usize, Row)];

/// Returns what `join-langlinks` should say of the rows of all wikis, English being number 0.
pub fn join(rows: &Rows, links: &str, many_to_one: &str) -> Output {
    let mut output = Output::default();
    for target in 1..=2 {
        join_target(rows, target, links, many_to_one, &mut output);
    }
    output
}

fn join_target(rows: &Rows, target: u16, links: &str, many_to_one: &str, output: &mut Output) {
    // (English page, target page, whether the link leads to English), one for each resolved link.
    let mut resolved: Vec<(PageId, PageId, bool)> = Vec::new();
    for (from, to) in [(target, 0), (0, target)] {
        let mut seen: Vec<Langlink> = Vec::new();
        for link in links_of(rows, from, to) {
            count(output, target, Measure::LinksIn);
            let subject = Subject::Link { source: from, from: link.from, to, target: link.target };
            if seen.contains(&link) {
                refuse(output, subject, Reason::DuplicateLink);
                continue;
            }
            seen.push(link);
            match (follow(rows, to, link.target), from == 0) {
                (Ok(page), true) => resolved.push((link.from, page, false)),
                (Ok(page), false) => resolved.push((page, link.from, true)),
                (Err(reason), _) => refuse(output, subject, reason),
            }
        }
    }
    let mut linked: Vec<(PageId, PageId)> = Vec::new();
    for (english, page, _) in &resolved {
        count(output, target, Measure::LinksResolved);
        if !linked.contains(&(*english, *page)) {
            linked.push((*english, *page));
        }
    }

    let mut pairs: Vec<Pair> = Vec::new();
    for (english, page) in linked {
        let leads = |forward| resolved.contains(&(english, page, forward));
        let directions = Directions { forward: leads(true), reverse: leads(false) };
        count(output, target, Measure::PairsLinked);
        let (measure, wanted) = match (directions.forward, directions.reverse) {
            (true, true) => (Measure::PairsMutual, true),
            (true, false) => (Measure::PairsForward, links == "union" || links == "forward"),
            _ => (Measure::PairsReverse, links == "union" || links == "reverse"),
        };
        count(output, target, measure);
        let subject = Subject::Pair { english: (0, english), target: (target, page) };
        if !wanted {
            refuse(output, subject, Reason::LinkPolicy);
            continue;
        }
        if rows.contains(&(0, Row::Disambiguation(english))) {
            refuse(output, subject, Reason::EnglishDisambiguation);
            continue;
        }
        if rows.contains(&(usize::from(target), Row::Disambiguation(page))) {
            refuse(output, subject, Reason::TargetDisambiguation);
            continue;
        }
        add(&mut output.wanted, (0, english), 1);
        add(&mut output.wanted, (target, page), 1);
        let texts = text(rows, 0, english, &ENGLISH)
            .and_then(|first| Ok((first, text(rows, target, page, &TARGET)?)));
        match texts {
            Ok((first, second)) => pairs.push(Pair {
                english: Side { source: 0, page: english, text: first },
                target: Side { source: target, page, text: second },
                origin: Origin::Wiki,
                directions,
                evidence: Digest::default(),
            }),
            Err(reason) => refuse(output, subject, reason),
        }
    }
    for pair in &pairs {
        let beaten = pairs.iter().any(|other| beats(other, pair));
        if many_to_one == "best" && beaten {
            refuse(output, Subject::from(pair), Reason::ManyToOne);
        } else {
            add(&mut output.pairs, *pair, 1);
            count(output, target, Measure::PairsOut);
        }
    }
}

/// Says whether `other` is the better pair of the same English article.
fn beats(other: &Pair, pair: &Pair) -> bool {
    let mutual = |pair: &Pair| pair.directions.forward && pair.directions.reverse;
    let (longer, shorter) = (other.target.text.n_chars, pair.target.text.n_chars);
    if other.english.page != pair.english.page {
        false
    } else if mutual(other) != mutual(pair) {
        mutual(other)
    } else if longer != shorter {
        longer > shorter
    } else {
        other.target.page < pair.target.page
    }
}

fn links_of(rows: &Rows, from: SourceIndex, to: SourceIndex) -> Vec<Langlink> {
    let links = rows.iter().filter_map(|(input, row)| match row {
        Row::Link(link) if *input == usize::from(from) && link.to == to => Some(*link),
        _ => None,
    });
    links.collect()
}

/// Follows a link's target to the page of an article, through five redirects at most.
fn follow(rows: &Rows, wiki: SourceIndex, target: Target) -> Result<PageId, Reason> {
    let mut title = match target {
        Target::Title(title) => title,
        Target::Blank => return Err(Reason::BlankTitle),
        Target::Fragment => return Err(Reason::Fragment),
        Target::OtherNamespace | Target::Interwiki => return Err(Reason::OtherNamespace),
    };
    let mut n_redirects = 0;
    loop {
        let (page, redirect) = match page_of(rows, wiki, title) {
            Some(found) => found,
            None if n_redirects == 0 => return Err(Reason::DeadLink),
            None => return Err(Reason::DeadRedirect),
        };
        if !redirect {
            return Ok(page);
        }
        n_redirects += 1;
        if 5 < n_redirects {
            return Err(Reason::RedirectLoop);
        }
        title = match redirect_of(rows, wiki, page) {
            None => return Err(Reason::RedirectUnknown),
            Some(Target::Title(title)) => title,
            Some(Target::Blank) => return Err(Reason::DeadRedirect),
            Some(Target::Fragment) => return Err(Reason::RedirectToFragment),
            Some(Target::OtherNamespace) => return Err(Reason::RedirectToOtherNamespace),
            Some(Target::Interwiki) => return Err(Reason::RedirectToInterwiki),
        };
    }
}

/// The page that bears a title; of several, which only a broken dump has, the lowest.
fn page_of(rows: &Rows, wiki: SourceIndex, title: Digest) -> Option<(PageId, bool)> {
    let pages = rows.iter().filter_map(|(input, row)| match row {
        Row::Title(it) if *input == usize::from(wiki) && it.title == title => {
            Some((it.page, it.redirect))
        }
        _ => None,
    });
    pages.min()
}

fn redirect_of(rows: &Rows, wiki: SourceIndex, page: PageId) -> Option<Target> {
    let targets = rows.iter().filter_map(|(input, row)| match row {
        Row::Redirect(it) if *input == usize::from(wiki) && it.from == page => Some(it.target),
        _ => None,
    });
    targets.min()
}

/// The reasons for a missing page, a redirect, another namespace, another model, an empty page and
/// a disambiguation page.
type Reasons = [Reason; 6];
const ENGLISH: Reasons = [
    Reason::EnglishMissing,
    Reason::EnglishRedirect,
    Reason::EnglishOtherNamespace,
    Reason::EnglishOtherModel,
    Reason::EnglishEmpty,
    Reason::EnglishDisambiguation,
];
const TARGET: Reasons = [
    Reason::TargetMissing,
    Reason::TargetRedirect,
    Reason::TargetOtherNamespace,
    Reason::TargetOtherModel,
    Reason::TargetEmpty,
    Reason::TargetDisambiguation,
];

/// The text of the latest revision of a page; a row without a text counts only where none has one.
fn text(rows: &Rows, wiki: SourceIndex, page: PageId, reasons: &Reasons) -> Result<Text, Reason> {
    let mut articles: Vec<Article> = Vec::new();
    for (input, row) in rows {
        match row {
            Row::Article(it, article) if *input == usize::from(wiki) && *it == page => {
                articles.push(*article);
            }
            _ => {}
        }
    }
    let texts = articles.iter().filter_map(|article| match article {
        Article::Text(text) => Some(*text),
        _ => None,
    });
    if let Some(text) = texts.max_by_key(|text| (text.revision, text.digest)) {
        return Ok(text.without_links());
    }
    Err(match articles.iter().max() {
        None => reasons[0],
        Some(Article::Redirect) => reasons[1],
        Some(Article::OtherNamespace) => reasons[2],
        Some(Article::OtherModel) => reasons[3],
        Some(Article::Empty) => reasons[4],
        Some(Article::Disambiguation) => reasons[5],
        Some(Article::Text(_)) => unreachable!("texts were looked at"),
    })
}

fn count(output: &mut Output, target: SourceIndex, measure: Measure) {
    add(&mut output.outcomes, Outcome::Tally(Tally { stage: STAGE, target, measure }), 1);
}

fn refuse(output: &mut Output, subject: Subject, reason: Reason) {
    add(&mut output.outcomes, Outcome::Reject(Reject { stage: STAGE, reason, subject }), 1);
}
