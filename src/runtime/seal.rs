//! Makes the rows of each bucket and seals them as a shard, when every pair is known.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crossic_operators::{
    context::Texts,
    flow::{Epoch, Windows},
    record::{Digest, Pair, Side, SourceIndex},
    reject::{Reject, Subject},
    segment::Segment,
    split_windows::{Sided, Splitter, Variant, pair_id},
    text::Document,
};
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        StreamVec,
        channels::pact::Exchange,
        operators::{Capability, Operator},
    },
};

use super::{
    failure::Failure,
    progress::Progress,
    said::{Bucket, Said},
};
use crate::{
    clock::{self, Activity},
    config::plan::bucket_of,
    error::Result,
    report::statistics::Counter,
    sinks::{ShardWriter, Sink},
    sources::WikiInfo,
};

/// How long a worker may seal before it lets the dataflow go on.
const STRETCH: Duration = Duration::from_millis(20);

/// One row in so many has its tokens compared with those of its text as a whole.
const COMPARE_ONE_IN: u64 = 64;

/// What a sink needs while it seals.
#[derive(Clone)]
pub(super) struct Sealing {
    /// Position of the sink in the plan.
    pub index: usize,
    /// Stage of the window operator, for rejects.
    pub stage: u16,
    /// The sink.
    pub sink: Arc<dyn Sink>,
    /// What the wikis are called, by source.
    pub wikis: Arc<Vec<WikiInfo>>,
    /// Cleaned texts.
    pub texts: Arc<dyn Texts>,
    /// Where errors go.
    pub failure: Failure,
    /// Where progress goes.
    pub progress: Progress,
}

impl Sealing {
    fn wiki(&self, source: SourceIndex) -> &WikiInfo {
        match self.wikis.get(usize::from(source)) {
            Some(wiki) => wiki,
            None => unreachable!("a pair's sources are those of the plan"),
        }
    }

    fn id(&self, pair: &Pair) -> Digest {
        let wiki = |side: &Side| (self.wiki(side.source).wiki.as_str(), side.page);
        pair_id(pair.origin, wiki(&pair.english), wiki(&pair.target))
    }

    fn bucket(&self, pair: &Pair) -> u32 {
        bucket_of(self.id(pair), self.sink.buckets())
    }
}

/// A bucket while its rows are made.
struct Open {
    pairs: VecDeque<(Digest, Pair)>,
    writer: Option<Box<dyn ShardWriter>>,
    counter: Counter,
    bucket: Bucket,
}

/// Seals the buckets of one sink; what comes out is said once each bucket is durable.
pub(super) fn seal<'s>(windows: Windows<'s>, sealing: Sealing) -> StreamVec<'s, Epoch, Said> {
    let router = sealing.clone();
    let exchange =
        Exchange::new(move |(pair, _, _): &(Pair, Epoch, i32)| u64::from(router.bucket(pair)));
    let splitter = windows.splitter;
    let stream = windows.pairs.inner;
    let scope = stream.scope();
    stream.unary_frontier::<CapacityContainerBuilder<Vec<Said>>, _, _, _>(
        exchange,
        "Seal",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability: Option<Capability<Epoch>> = Some(capability);
            let mut buckets: BTreeMap<u32, Vec<(Pair, i32)>> = BTreeMap::new();
            let mut open: Option<(u32, Open)> = None;
            let mut announced = false;
            move |(input, frontier), output| {
                input.for_each(|_, pairs| {
                    for (pair, _, diff) in pairs.drain(..) {
                        buckets.entry(sealing.bucket(&pair)).or_default().push((pair, diff));
                    }
                });
                if !frontier.is_empty() || sealing.failure.is_set() {
                    if sealing.failure.is_set() {
                        capability = None;
                    }
                    return;
                }
                let Some(cap) = &capability else { return };
                if !announced {
                    announced = true;
                    let changes = buckets.values().flatten().map(|(_, diff)| i64::from(*diff));
                    sealing.progress.expect_pairs(changes.sum::<i64>().max(0) as u64);
                }
                let start = Instant::now();
                while start.elapsed() < STRETCH {
                    let (number, mut bucket) = match open.take() {
                        Some(it) => it,
                        None => {
                            let Some((number, pairs)) = buckets.pop_first() else {
                                capability = None;
                                return;
                            };
                            (number, sealing.open(pairs))
                        }
                    };
                    let step = sealing.step(number, &mut bucket, &splitter);
                    let Some(more) = sealing.failure.catch(step) else {
                        capability = None;
                        return;
                    };
                    if more {
                        open = Some((number, bucket));
                    } else {
                        let Some(done) = sealing.failure.catch(bucket.finish()) else {
                            capability = None;
                            return;
                        };
                        output.session(cap).give(Said::Bucket(Box::new(done)));
                    }
                }
                activator.activate();
            }
        },
    )
}

impl Sealing {
    /// Nets the changes of a bucket and sorts its pairs by identity.
    fn open(&self, mut pairs: Vec<(Pair, i32)>) -> Open {
        pairs.sort_unstable();
        let mut bucket = Bucket { sink: self.index, ..Bucket::default() };
        let mut net: Vec<(Digest, Pair)> = Vec::new();
        for same in pairs.chunk_by(|left, right| left.0 == right.0) {
            let sum: i32 = same.iter().map(|(_, diff)| diff).sum();
            if let (Some((pair, _)), true) = (same.first(), 0 < sum) {
                *bucket.pairs_in.entry(pair.target.source).or_default() += 1;
                net.push((self.id(pair), *pair));
            }
        }
        net.sort_unstable();
        Open { pairs: net.into(), writer: None, counter: Counter::default(), bucket }
    }

    /// Makes the rows of the next pair; returns whether there are more pairs.
    fn step(&self, number: u32, open: &mut Open, splitter: &Splitter) -> Result<bool> {
        let Some((_, pair)) = open.pairs.pop_front() else { return Ok(false) };
        self.progress.add_pair();
        let work = {
            let _clock = clock::start(Activity::Split);
            let (mut english, mut target) = (String::new(), String::new());
            let alone = splitter.config().variant == Variant::Mono;
            if !(alone || self.texts.read(pair.english.text.digest, &mut english))
                || !self.texts.read(pair.target.text.digest, &mut target)
            {
                return Ok(false); // The run is ending: the error is kept with the texts.
            }
            let (english, target) =
                (self.sided(&pair.english, &english), self.sided(&pair.target, &target));
            let work = splitter.split(pair.origin, english, target);
            if let Ok(work) = &work {
                for segment in &work.segments {
                    if segment.id.0[0] % COMPARE_ONE_IN == 0
                        && let Some(equal) = splitter.whole_agrees(segment, &english, &target)
                    {
                        open.counter.compared(equal);
                    }
                }
            }
            work
        };
        let work = match work {
            Ok(work) => work,
            Err(reason) => {
                let subject = Subject::from(&pair);
                open.bucket.rejects.push(Reject { stage: self.stage, reason, subject });
                return Ok(true);
            }
        };
        *open.bucket.pairs_out.entry(pair.target.source).or_default() += 1;
        for (counts, side) in work.counts.iter().zip([&pair.english, &pair.target]) {
            open.bucket.counts.entry(side.source).or_default().add(counts);
        }
        self.count_rows(&work.segments, &pair, &mut open.bucket);
        let _clock = clock::start(Activity::Write);
        let n = splitter.config().tokens as u64;
        for segment in &work.segments {
            open.counter.add(segment, n);
            let writer = match &mut open.writer {
                Some(writer) => writer,
                None => open.writer.insert(self.sink.shard(number, splitter.vocabulary())?),
            };
            writer.push(segment)?;
        }
        Ok(true)
    }

    fn sided<'a>(&'a self, side: &Side, text: &'a str) -> Sided<'a> {
        let wiki = self.wiki(side.source);
        Sided {
            lang: &wiki.lang,
            wiki: &wiki.wiki,
            page: side.page,
            revision: side.text.revision,
            document: Document::parse(text),
        }
    }

    /// Counts paragraphs and tokens from the rows themselves: the other side of the ledger.
    fn count_rows(&self, segments: &[Segment], pair: &Pair, bucket: &mut Bucket) {
        for side in [&pair.english, &pair.target] {
            let wiki = &self.wiki(side.source).wiki;
            let counts = bucket.counts.entry(side.source).or_default();
            let mut last = None;
            let spans = segments.iter().flat_map(|it| &it.spans).filter(|it| it.wiki == *wiki);
            for span in spans {
                let text = span.token_end - span.token_start - span.title_tokens;
                counts.tokens_out += u64::from(text);
                for paragraph in span.paragraph_start..span.paragraph_end {
                    counts.paragraphs_out += u64::from(last != Some(paragraph));
                    last = Some(paragraph);
                }
            }
        }
    }
}

impl Open {
    fn finish(mut self) -> Result<Bucket> {
        let _clock = clock::start(Activity::Write);
        self.bucket.shard = match self.writer {
            Some(writer) => Some(writer.finish()?),
            None => None,
        };
        self.bucket.statistics = self.counter.finish();
        Ok(self.bucket)
    }
}
