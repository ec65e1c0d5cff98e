//! Seals the buckets as shards, when every pair is known: rows of pairs that have not changed are
//! copied, the others are made.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crossic_operators::{
    context::Texts,
    flow::{Epoch, Windows},
    record::{Digest, Pair, Side, SourceIndex},
    reject::{Reason, Reject, Subject},
    retrieve::evidence::Evidence,
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
    bucket::{self, Bucket, Record, Sealed, Splice, add, cancel, numbers},
    failure::Failure,
    progress::Progress,
    said::Said,
    stamp::Stamp,
};
use crate::{
    clock::{self, Activity},
    config::plan::bucket_of,
    error::Result,
    report::statistics::Counter,
    sinks::{ShardWriter, Sink},
    sources::WikiInfo,
    store::{
        StoreError,
        memos::{self, PairRow},
        snapshot::SnapshotWriter,
    },
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
    /// Digest of the knobs and the tokenizer that decide the rows of a pair.
    pub windows: Digest,
    /// The sink.
    pub sink: Arc<dyn Sink>,
    /// What the last build left of each bucket.
    pub last: Arc<BTreeMap<u32, Record>>,
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
        let of = |side: &Side| (self.wiki(side.source).wiki.as_str(), side.identity());
        pair_id(pair.origin, of(&pair.english), of(&pair.target))
    }

    fn bucket(&self, pair: &Pair) -> u32 {
        bucket_of(self.id(pair), self.sink.buckets())
    }

    /// Digest of all that decides the rows of a pair, but for what is stamped on them.
    fn key(&self, pair: &Pair) -> Digest {
        let (english, target) = (self.wiki(pair.english.source), self.wiki(pair.target.source));
        Digest::of_fields(&[
            &self.windows.bytes(),
            english.lang.as_bytes(),
            target.lang.as_bytes(),
            &pair.english.text.digest.bytes(),
            &pair.target.text.digest.bytes(),
        ])
    }

    /// Digest of all that decides a bucket.
    fn bucket_key(&self, pairs: &VecDeque<(Digest, Pair)>) -> Digest {
        let mut fields = vec![
            self.index.to_le_bytes().to_vec(),
            self.stage.to_le_bytes().to_vec(),
            self.sink.format().as_bytes().to_vec(),
            format!("{:?}", self.sink.knobs()).into_bytes(),
        ];
        for (id, pair) in pairs {
            fields.push(id.bytes().to_vec());
            fields.push(self.key(pair).bytes().to_vec());
            for side in [&pair.english, &pair.target] {
                fields.push(side.source.to_le_bytes().to_vec());
                fields.push(side.text.revision.to_le_bytes().to_vec());
            }
            // For pairs of articles the fields stay those of the time before there were documents.
            if pair.evidence != Digest::default() {
                fields.push(pair.evidence.bytes().to_vec());
            }
        }
        Digest::of_fields(&fields.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// A bucket while its rows are made.
struct Open {
    number: u32,
    key: Digest,
    pairs: VecDeque<(Digest, Pair)>,
    splice: Option<Splice>,
    writer: Option<Box<dyn ShardWriter>>,
    memo: Option<SnapshotWriter<PairRow>>,
    counter: Counter,
    sealed: Sealed,
    /// Identity of the pair before the next one.
    last: Option<Digest>,
    /// Whether the shard of a run before this one is as good as ours.
    kept: Option<Record>,
}

/// Seals the buckets of one sink; what comes out is said once each bucket is durable.
pub(super) fn seal<'s>(windows: Windows<'s>, sealing: Sealing) -> StreamVec<'s, Epoch, Said> {
    let router = sealing.clone();
    let exchange =
        Exchange::new(move |(pair, _, _): &(Pair, Epoch, i32)| u64::from(router.bucket(pair)));
    let splitter = windows.splitter;
    let stream = windows.pairs.inner;
    let scope = stream.scope();
    let (me, peers) = (scope.index(), scope.peers());
    stream.unary_frontier::<CapacityContainerBuilder<Vec<Said>>, _, _, _>(
        exchange,
        "Seal",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability: Option<Capability<Epoch>> = Some(capability);
            let mut buckets: BTreeMap<u32, Vec<(Pair, i32)>> = BTreeMap::new();
            let mut open: Option<Open> = None;
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
                    // A bucket that has lost its last pair has rows to be told as gone.
                    for number in sealing.last.keys() {
                        if *number as usize % peers == me {
                            buckets.entry(*number).or_default();
                        }
                    }
                }
                let start = Instant::now();
                while start.elapsed() < STRETCH {
                    let bucket = match open.take() {
                        Some(bucket) => Ok(bucket),
                        None => {
                            let Some((number, pairs)) = buckets.pop_first() else {
                                capability = None;
                                return;
                            };
                            sealing.open(number, pairs)
                        }
                    };
                    let step = bucket.and_then(|mut bucket| {
                        let more = sealing.step(&mut bucket, &splitter)?;
                        Ok((bucket, more))
                    });
                    let Some((bucket, more)) = sealing.failure.catch(step) else {
                        capability = None;
                        return;
                    };
                    if more {
                        open = Some(bucket);
                    } else {
                        let Some(done) = sealing.failure.catch(sealing.finish(bucket)) else {
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
    /// Nets the changes of a bucket, sorts its pairs by identity, and looks for what is known of it.
    fn open(&self, number: u32, mut pairs: Vec<(Pair, i32)>) -> Result<Open> {
        pairs.sort_unstable();
        let mut net: Vec<(Digest, Pair)> = Vec::new();
        for same in pairs.chunk_by(|left, right| left.0 == right.0) {
            let sum: i32 = same.iter().map(|(_, diff)| diff).sum();
            let pair = same.first().filter(|_| 0 < sum).map(|(pair, _)| (self.id(pair), *pair));
            net.extend(pair.into_iter().flat_map(|it| (0..sum).map(move |_| it)));
        }
        net.sort_unstable();
        let pairs: VecDeque<(Digest, Pair)> = net.into();
        let mut open = Open {
            number,
            key: self.bucket_key(&pairs),
            pairs,
            splice: None,
            writer: None,
            memo: None,
            counter: Counter::default(),
            sealed: Sealed::default(),
            last: None,
            kept: None,
        };
        open.sealed.bucket.sink = self.index;
        if open.pairs.is_empty() {
            open.splice = self.splice(number);
            return Ok(open);
        }
        let file = Record::file(number, open.key);
        let record = Record::read(&self.sink.dir().join(memos::FOLDER).join(file));
        let record = record.filter(|it| it.key == open.key.to_string());
        if let Some(record) = record.filter(|it| it.is_whole(self.sink.dir())) {
            self.progress.add_pairs(open.pairs.len() as u64);
            open.sealed.work.pairs_kept += open.pairs.len() as u64;
            open.sealed.work.shards_kept += u64::from(record.bucket.shard.is_some());
            open.kept = Some(record);
            open.pairs.clear();
            return Ok(open);
        }
        for (_, pair) in &open.pairs {
            *open.sealed.bucket.pairs_in.entry(pair.target.source).or_default() += 1;
        }
        open.splice = self.splice(number);
        open.memo = Some(SnapshotWriter::create(&self.sink.dir().join(memos::FOLDER))?);
        Ok(open)
    }

    fn splice(&self, number: u32) -> Option<Splice> {
        let _clock = clock::start(Activity::Copy);
        Splice::open(self.sink.dir(), &*self.sink, self.last.get(&number)?)
    }

    /// Makes or copies the rows of the next pair; returns whether there are more pairs.
    fn step(&self, open: &mut Open, splitter: &Splitter) -> Result<bool> {
        let Some((id, pair)) = open.pairs.pop_front() else { return Ok(false) };
        self.progress.add_pairs(1);
        if open.last == Some(id) {
            let subject = Subject::from(&pair);
            let reject = Reject { stage: self.stage, reason: Reason::DuplicatePair, subject };
            open.sealed.bucket.rejects.push(reject);
            return Ok(true);
        }
        open.last = Some(id);
        let key = self.key(&pair);
        let known = {
            let _clock = clock::start(Activity::Copy);
            match &mut open.splice {
                Some(splice) => splice.seek(Some(id))?,
                None => None,
            }
        };
        if let (Some(known), Some(splice)) = (known, &mut open.splice) {
            let _clock = clock::start(Activity::Copy);
            if known.key == key {
                let mut rows = splice.take(&known)?;
                let Some(stamp) = self.stamp(&pair) else { return Ok(false) };
                open.sealed.work.pairs_copied += 1;
                open.sealed.work.pairs_restamped += u64::from(stamp.put(&mut rows));
                return self.put(open, &pair, known, &rows, splitter).map(|()| true);
            }
            splice.pass_over(&known)?;
        }
        let mut memo = PairRow { pair: id, key, ..PairRow::default() };
        let mut rows = {
            let _clock = clock::start(Activity::Split);
            match self.split(&pair, splitter, &mut memo) {
                Some(rows) => rows,
                None => return Ok(false), // The run is ending: the error is kept with the texts.
            }
        };
        let Some(stamp) = self.stamp(&pair) else { return Ok(false) };
        stamp.put(&mut rows);
        open.sealed.work.pairs_split += 1;
        open.sealed.added.extend(rows.iter().map(|row| row.id));
        self.put(open, &pair, memo, &rows, splitter).map(|()| true)
    }

    /// Makes the rows of a pair, and notes what became of it; `None` where a text cannot be read.
    fn split(&self, pair: &Pair, splitter: &Splitter, memo: &mut PairRow) -> Option<Vec<Segment>> {
        let (mut english, mut target) = (String::new(), String::new());
        let alone = splitter.config().variant == Variant::Mono;
        if !(alone || self.texts.read(pair.english.text.digest, &mut english))
            || !self.texts.read(pair.target.text.digest, &mut target)
        {
            return None;
        }
        let (english, target) =
            (self.sided(&pair.english, &english), self.sided(&pair.target, &target));
        let work = match splitter.split(pair.origin, english, target) {
            Ok(work) => work,
            Err(reason) => {
                memo.reason = reason.name().to_owned();
                return Some(Vec::new());
            }
        };
        for row in work.segments.iter().filter(|row| row.id.0[0] % COMPARE_ONE_IN == 0) {
            if let Some(equal) = splitter.whole_agrees(row, &english, &target) {
                memo.compared += 1;
                memo.differing += u32::from(!equal);
            }
        }
        memo.rows = work.segments.len() as u32;
        memo.counts = numbers(&work.counts);
        Some(work.segments)
    }

    /// Returns what the rows of a pair say beside their tokens; `None` when the run is ending,
    /// because it cannot be read how the document was found.
    fn stamp(&self, pair: &Pair) -> Option<Stamp<'_>> {
        let mut evidence = None;
        if pair.evidence != Digest::default() {
            let mut text = String::new();
            if !self.texts.read(pair.evidence, &mut text) {
                return None;
            }
            evidence = Evidence::parse(&text);
            if evidence.is_none() {
                let digest = pair.evidence.to_string();
                let what = "does not say how a document was found";
                self.failure.set(StoreError::Text { digest, what }.into());
                return None;
            }
        }
        let side = |side: &Side| (self.wiki(side.source), *side);
        Some(Stamp { sides: [side(&pair.english), side(&pair.target)], evidence })
    }

    /// Counts the rows of a pair and writes them.
    fn put(
        &self,
        open: &mut Open,
        pair: &Pair,
        memo: PairRow,
        rows: &[Segment],
        splitter: &Splitter,
    ) -> Result<()> {
        let bucket = &mut open.sealed.bucket;
        let reason = Reason::ALL.iter().find(|it| it.name() == memo.reason);
        if let Some(reason) = reason {
            let subject = Subject::from(pair);
            bucket.rejects.push(Reject { stage: self.stage, reason: *reason, subject });
        } else {
            *bucket.pairs_out.entry(pair.target.source).or_default() += 1;
            let (english, target) = memo.counts.split_at(memo.counts.len() / 2);
            for (counts, side) in [english, target].into_iter().zip([&pair.english, &pair.target]) {
                add(bucket.counts.entry(side.source).or_default(), counts);
            }
            self.count_rows(rows, pair, bucket);
        }
        open.counter.compared(u64::from(memo.compared), u64::from(memo.differing));
        let _clock = clock::start(Activity::Write);
        let n = splitter.config().tokens as u64;
        for row in rows {
            open.counter.add(row, n);
            let writer = match &mut open.writer {
                Some(writer) => writer,
                None => open.writer.insert(self.sink.shard(open.number, splitter.vocabulary())?),
            };
            writer.push(row)?;
        }
        if let Some(writer) = &mut open.memo {
            writer.push(memo)?;
        }
        Ok(())
    }

    fn sided<'a>(&'a self, side: &Side, text: &'a str) -> Sided<'a> {
        let wiki = self.wiki(side.source);
        Sided {
            lang: &wiki.lang,
            wiki: &wiki.wiki,
            page: side.page,
            revision: side.text.revision,
            document: Document::parse(text),
            digest: side.identity().text(),
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

    /// Makes a bucket durable: its shard, what became of its pairs, and last the record of both.
    fn finish(&self, mut open: Open) -> Result<Sealed> {
        let _clock = clock::start(Activity::Write);
        let last = self.last.get(&open.number);
        if let Some(record) = open.kept {
            open.sealed.memos = vec![Record::file(open.number, open.key), record.pairs.clone()];
            let shard = record.bucket.shard.clone();
            open.sealed.bucket = record.bucket;
            if last.is_none_or(|it| it.key != record.key) {
                let before = last.and_then(|it| it.bucket.shard.as_ref());
                let added = bucket::ids(&*self.sink, shard.as_ref());
                let removed = bucket::ids(&*self.sink, before);
                open.sealed.unknown = added.is_none() || removed.is_none();
                open.sealed.added = added.unwrap_or_default();
                open.sealed.removed = removed.unwrap_or_default();
                cancel(&mut open.sealed);
            }
            return Ok(open.sealed);
        }
        match &mut open.splice {
            Some(splice) => {
                splice.seek(None)?;
                open.sealed.removed = std::mem::take(&mut splice.gone);
            }
            None => {
                let before = last.and_then(|it| it.bucket.shard.as_ref());
                let removed = bucket::ids(&*self.sink, before);
                open.sealed.unknown = removed.is_none();
                open.sealed.removed = removed.unwrap_or_default();
            }
        }
        cancel(&mut open.sealed);
        if let Some(writer) = open.writer {
            open.sealed.bucket.shard = Some(writer.finish()?);
            open.sealed.work.shards_written += 1;
        }
        open.sealed.bucket.statistics = open.counter.finish();
        let Some(memo) = open.memo else { return Ok(open.sealed) };
        let pairs = memo.finish(&format!("{:05}", open.number))?.file;
        let record = Record {
            number: open.number,
            key: open.key.to_string(),
            bucket: open.sealed.bucket.clone(),
            pairs,
        };
        let file = record.write(self.sink.dir(), open.key)?;
        open.sealed.memos = vec![file, record.pairs];
        Ok(open.sealed)
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
