//! The stages of retrieval in the dataflow: count who links to whom, ask, and fetch what was found.
//!
//! Nothing can be asked before all is known: how rare a link's target is depends on every article,
//! and how rare a word is on every document. So the stages wait for the end of their input, as the
//! sealing of the buckets does; what is known from the last build is found again by the library.
//! A stage runs on the first worker of each process, and takes all of its cores.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        StreamVec,
        channels::pact::{Exchange, Pipeline},
        operators::{Capability, Concatenate, Operator, core::OkErr, vec::Map},
    },
};

use super::{
    Config,
    evidence::{Asked, Evidence},
    gather::{Asker, Fact, Gathering, Known},
    keywords::Keywords,
    library::{Described, Found, Questions},
    question,
};
use crate::{
    context::{Context, Measure, Resources},
    flow::{Documents, Epoch, Rows, Wiki},
    record::{Article, Digest, Directions, Origin, PageId, Pair, Side, SourceIndex, Target, Text},
    reject::{Reason, Subject},
};

/// Articles that are asked for at once.
const BATCH: usize = 1 << 17;

/// Who links to whom, in numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Count {
    /// So many articles link to a page.
    Linking(PageId, u64),
    /// So many articles there are.
    Articles(u64),
}

/// What came of asking.
#[derive(Clone, Debug)]
enum Told {
    /// A page has got documents, or the reason why not.
    Page(PageId, Result<(), Reason>, Epoch),
    /// A document for a page.
    Hit(Hit),
}

/// A document for a page.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Hit {
    page: PageId,
    text: Text,
    found: Found,
    /// From 1.
    rank: u32,
    /// Key of what was asked.
    asked: Digest,
}

/// Which workers do the work: the first one of each process.
#[derive(Clone, Copy)]
struct Firsts {
    threads: u64,
    processes: u64,
}

impl Firsts {
    fn new(threads: usize, peers: usize) -> Firsts {
        let threads = threads.max(1) as u64;
        Firsts { threads, processes: (peers as u64 / threads).max(1) }
    }

    fn of(self, key: u32) -> u64 {
        // Neighbouring ids must not all go to one process; any fixed mixing does.
        (u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % self.processes * self.threads
    }

    fn is_first(self, worker: usize) -> bool {
        (worker as u64).is_multiple_of(self.threads)
    }

    /// Sends every row to all first workers.
    fn to_all<'s, R>(self, rows: StreamVec<'s, Epoch, R>) -> StreamVec<'s, Epoch, R>
    where
        R: timely::ExchangeData + Clone,
    {
        use timely::dataflow::operators::Exchange;
        let Firsts { threads, processes } = self;
        rows.flat_map(move |row| (0..processes).map(move |it| (it * threads, row.clone())))
            .exchange(|(worker, _)| *worker)
            .map(|(_, row)| row)
    }
}

/// Returns the pairs of one target wiki with documents.
pub(super) fn ask<'s>(
    cx: &Context<'s>,
    config: &Config,
    (english, target): (&Wiki<'s>, &Wiki<'s>),
    documents: &Documents<'s>,
) -> Rows<'s, Pair> {
    let stage = Stage {
        number: cx.stage(),
        config: Rc::new(config.clone()),
        resources: cx.resources().clone(),
        firsts: Firsts::new(cx.resources().threads, cx.scope.peers()),
        worker: cx.scope.index(),
        known: Rc::default(),
    };
    let facts = facts(cx, config, (english, target), documents, stage.firsts);
    let counts = stage.firsts.to_all(stage.count(facts));
    let told = stage.ask(counts);
    let (pages, hits) = told.ok_err(|told| match told {
        Told::Page(page, answer, time) => Ok(((page, answer), time, 1)),
        Told::Hit(hit) => Err(hit),
    });
    let source = target.source;
    let pages: Rows<'s, (PageId, Result<(), Reason>)> = Rows::new(pages);
    cx.tally(&pages, move |_| (Measure::PagesIn, source, 1));
    let (answered, refused) =
        pages.inner.ok_err(move |((page, answer), time, diff)| match answer {
            Ok(()) => Ok((page, time, diff)),
            Err(reason) => Err(((Subject::Page { source, page }, reason), time, diff)),
        });
    cx.reject(Rows::new(refused));
    cx.tally(&Rows::new(answered), move |_| (Measure::PagesAnswered, source, 1));
    Rows::new(stage.fetch(hits, (documents.source, source)))
}

fn signed<'s>(rows: Rows<'s, Fact>) -> StreamVec<'s, Epoch, (Fact, i32)> {
    rows.inner.map(|(fact, _, diff)| (fact, diff))
}

/// Brings everything that has to be known to the first workers; asks for the articles.
fn facts<'s>(
    cx: &Context<'s>,
    config: &Config,
    (english, target): (&Wiki<'s>, &Wiki<'s>),
    documents: &Documents<'s>,
    firsts: Firsts,
) -> StreamVec<'s, Epoch, (Fact, i32)> {
    let english_source = english.source;
    let names: Rows<'s, (PageId, Digest)> =
        target.links.clone().flat_map(move |link| match link.target {
            Target::Title(title) if link.to == english_source => Some((link.from, title)),
            _ => None,
        });
    let source = target.source;
    cx.want(names.clone().map(move |(page, _)| (source, page)));

    let stage = cx.stage();
    let mine = documents.files.clone().flat_map(move |it| (it.stage == stage).then_some(it));
    let everywhere = [
        signed(target.titles.clone().map(|it| Fact::Title(it.title, it.page))),
        signed(target.redirects.clone().flat_map(|it| match it.target {
            Target::Title(title) => Some(Fact::Redirect(it.from, title)),
            _ => None,
        })),
        signed(names.clone().map(|(page, name)| Fact::Name(page, name))),
        signed(target.disambiguations.clone().map(Fact::Disambiguation)),
        mine.map(|file| (Fact::File(file), 1)),
    ];
    let everywhere = firsts.to_all(cx.scope.concatenate(everywhere));

    let mut dealt = vec![signed(target.articles.clone().map(|(page, it)| Fact::Article(page, it)))];
    if config.english_lead || cx.resources().library.reads_counterparts() {
        let titles = english.titles.clone().filter(|it| !it.redirect);
        let counterparts = names
            .map(|(page, name)| (name, page))
            .join_map(titles.map(|it| (it.title, it.page)), |_, &page, &counterpart| {
                (counterpart, page)
            });
        cx.want(counterparts.clone().map(move |(page, _)| (english_source, page)));
        let texts =
            counterparts.join_map(english.articles.clone(), |_, &page, &article| match article {
                Article::Text(text) => Some(Fact::Counterpart(page, text)),
                _ => None,
            });
        dealt.push(signed(texts.flat_map(|it| it)));
    }
    let dealt = {
        use timely::dataflow::operators::Exchange;
        cx.scope.concatenate(dealt).exchange(move |(fact, _)| match fact {
            Fact::Article(page, _) | Fact::Counterpart(page, _) => firsts.of(*page),
            _ => 0,
        })
    };
    cx.scope.concatenate([everywhere, dealt])
}

/// What the stages of one target wiki share on a worker.
#[derive(Clone)]
struct Stage {
    number: u16,
    config: Rc<Config>,
    resources: Resources,
    firsts: Firsts,
    worker: usize,
    known: Rc<RefCell<Option<Known>>>,
}

/// A batch of answers.
type Answers = Vec<(PageId, Vec<Hit>)>;

impl Stage {
    /// Gathers the facts; tells how many articles link to each page.
    fn count<'s>(&self, facts: StreamVec<'s, Epoch, (Fact, i32)>) -> StreamVec<'s, Epoch, Count> {
        let stage = self.clone();
        facts.unary_frontier::<CapacityContainerBuilder<Vec<Count>>, _, _, _>(
            Pipeline,
            "Count links",
            move |capability, _| {
                let mut capability = Some(capability);
                let mut gathering = Gathering::default();
                move |(input, frontier), output| {
                    input.for_each(|_, facts| {
                        for (fact, diff) in facts.drain(..) {
                            gathering.take(fact, diff);
                        }
                    });
                    let Some(cap) = follow(&mut capability, frontier.frontier()) else { return };
                    if !stage.firsts.is_first(stage.worker) {
                        return;
                    }
                    let (firsts, me) = (stage.firsts, stage.worker as u64);
                    let known = std::mem::take(&mut gathering).finish(|page| firsts.of(page) == me);
                    let counts = question::linking(&*stage.resources.texts, &known);
                    let mut session = output.session(&cap);
                    session.give(Count::Articles(known.askers.len() as u64));
                    session
                        .give_iterator(counts.into_iter().map(|(page, n)| Count::Linking(page, n)));
                    drop(session);
                    *stage.known.borrow_mut() = Some(known);
                }
            },
        )
    }

    /// Asks for every article, when it is known who links to whom.
    fn ask<'s>(&self, counts: StreamVec<'s, Epoch, Count>) -> StreamVec<'s, Epoch, Told> {
        let stage = self.clone();
        let scope = counts.scope();
        counts.unary_frontier::<CapacityContainerBuilder<Vec<Told>>, _, _, _>(
            Pipeline,
            "Ask",
            move |capability, info| {
                let activator = scope.activator_for(info.address);
                let mut capability = Some(capability);
                let mut last: Option<Capability<Epoch>> = None;
                let mut linking: FxHashMap<PageId, u64> = FxHashMap::default();
                let mut n_articles = 0;
                let mut n_asked = 0;
                move |(input, frontier), output| {
                    input.for_each(|_, counts| {
                        for count in counts.drain(..) {
                            match count {
                                Count::Linking(page, n) => *linking.entry(page).or_default() += n,
                                Count::Articles(n) => n_articles += n,
                            }
                        }
                    });
                    if let Some(cap) = follow(&mut capability, frontier.frontier()) {
                        let mut known = stage.known.borrow_mut();
                        let Some(known) = known.as_mut() else { return };
                        known.linking = std::mem::take(&mut linking);
                        known.n_articles = n_articles;
                        let time = *cap.time();
                        output.session(&cap).give_iterator(
                            known
                                .refused
                                .drain(..)
                                .map(|(page, reason)| Told::Page(page, Err(reason), time)),
                        );
                        last = Some(cap);
                    }
                    let Some(cap) = &last else { return };
                    let known = stage.known.borrow();
                    let Some(known) = known.as_ref() else { return };
                    let rest = known.askers.get(n_asked..).unwrap_or_default();
                    let batch = rest.get(..BATCH.min(rest.len())).unwrap_or_default();
                    let answers = if batch.is_empty() { None } else { stage.answers(known, batch) };
                    let Some(answers) = answers else {
                        // Either all is asked, or the run is ending and somebody keeps the error.
                        stage.resources.library.seal();
                        last = None;
                        return;
                    };
                    n_asked += batch.len();
                    let time = *cap.time();
                    let mut session = output.session(cap);
                    for (page, hits) in answers {
                        let answer = if hits.is_empty() { Err(Reason::NoDocument) } else { Ok(()) };
                        session.give(Told::Page(page, answer, time));
                        session.give_iterator(hits.into_iter().map(Told::Hit));
                    }
                    drop(session);
                    activator.activate();
                }
            },
        )
    }

    /// Returns what the library says to some articles; `None` when the run is ending.
    fn answers(&self, known: &Known, batch: &[Asker]) -> Option<Answers> {
        let (texts, config) = (&*self.resources.texts, &*self.config);
        let question = |asker| question::question(texts, config, known, asker);
        let asked: Vec<(Keywords, Questions)> =
            batch.par_iter().map(question).collect::<Option<_>>()?;
        let (keywords, questions): (Vec<Keywords>, Vec<Questions>) = asked.into_iter().unzip();
        let library = &*self.resources.library;
        let found = library.answer(&known.files, &questions)?;
        let mut answers = Vec::with_capacity(batch.len());
        for (((asker, keywords), questions), found) in
            batch.iter().zip(keywords).zip(questions).zip(found)
        {
            if found.is_empty() {
                answers.push((asker.page, Vec::new()));
                continue;
            }
            let asked = library.keep(&Asked::new(&questions.title, keywords).to_text())?;
            let (page, text) = (asker.page, asker.text.without_links());
            let hit = |(found, rank)| Hit { page, text, found, rank, asked };
            answers.push((page, found.into_iter().zip(1..).map(hit).collect()));
        }
        Some(answers)
    }

    /// Puts the documents that were found into packs, a file at a time; then their pairs go on.
    fn fetch<'s>(
        &self,
        hits: StreamVec<'s, Epoch, Hit>,
        (documents, target): (SourceIndex, SourceIndex),
    ) -> StreamVec<'s, Epoch, (Pair, Epoch, i32)> {
        let (stage, firsts) = (self.clone(), self.firsts);
        let scope = hits.scope();
        hits.unary_frontier::<CapacityContainerBuilder<Vec<(Pair, Epoch, i32)>>, _, _, _>(
            Exchange::new(move |hit: &Hit| firsts.of(hit.found.file)),
            "Fetch documents",
            move |capability, info| {
                let activator = scope.activator_for(info.address);
                let mut capability = Some(capability);
                let mut last: Option<Capability<Epoch>> = None;
                let mut files: BTreeMap<u32, Vec<Hit>> = BTreeMap::new();
                move |(input, frontier), output| {
                    input.for_each(|_, hits| {
                        for hit in hits.drain(..) {
                            files.entry(hit.found.file).or_default().push(hit);
                        }
                    });
                    if let Some(cap) = follow(&mut capability, frontier.frontier()) {
                        last = Some(cap);
                    }
                    let Some(cap) = &last else { return };
                    let Some((file, hits)) = files.pop_first() else {
                        last = None;
                        return;
                    };
                    let pairs = stage.pairs(file, &hits, (documents, target));
                    let Some(pairs) = pairs else {
                        last = None; // The run is ending: the error is kept.
                        return;
                    };
                    let time = *cap.time();
                    output
                        .session(cap)
                        .give_iterator(pairs.into_iter().map(|pair| (pair, time, 1)));
                    activator.activate();
                }
            },
        )
    }

    /// Puts the documents of a file into packs, and the evidence; returns the pairs.
    fn pairs(
        &self,
        file: u32,
        hits: &[Hit],
        (documents, target): (SourceIndex, SourceIndex),
    ) -> Option<Vec<Pair>> {
        let library = &*self.resources.library;
        let mut texts: Vec<Digest> = hits.iter().map(|hit| hit.found.text).collect();
        texts.sort_unstable();
        texts.dedup();
        let known = self.known.borrow();
        let file = known.as_ref()?.files.iter().find(|it| it.file == file)?;
        let described = library.fetch(*file, &texts)?;
        let described: FxHashMap<Digest, Described> = texts.into_iter().zip(described).collect();
        let mut asked = String::new();
        let mut pairs = Vec::with_capacity(hits.len());
        for hit in hits {
            let document = described.get(&hit.found.text)?;
            self.resources.texts.read(hit.asked, &mut asked).then_some(())?;
            let asked = Asked::parse(&asked)?;
            let evidence =
                Evidence::new(hit.page, &hit.found, hit.rank, (document, &asked)).to_text();
            let text = Text {
                digest: hit.found.text,
                revision: 0,
                n_chars: document.n_chars,
                n_paragraphs: document.n_paragraphs,
                links: Digest::default(),
            };
            pairs.push(Pair {
                english: Side { source: documents, page: 0, text },
                target: Side { source: target, page: hit.page, text: hit.text },
                origin: Origin::Web,
                directions: Directions::default(),
                evidence: library.keep(&evidence)?,
            });
        }
        (library.paired(self.number, &pairs) && library.seal()).then_some(pairs)
    }
}

/// Keeps the capability where the input is, lest those who wait for the frontier wait for the end;
/// returns it when the input has ended.
fn follow(
    capability: &mut Option<Capability<Epoch>>,
    frontier: timely::progress::frontier::AntichainRef<'_, Epoch>,
) -> Option<Capability<Epoch>> {
    let Some(ahead) = frontier.iter().min().copied() else { return capability.take() };
    if let Some(cap) = capability.as_mut().filter(|cap| *cap.time() < ahead) {
        cap.downgrade(&ahead);
    }
    None
}
