//! The pairs of a corpus in the order of their identities, out of its shards.

use std::path::PathBuf;

use crossic_operators::{
    record::{Digest, Identity},
    segment::Segment,
};

use crate::{
    cli::corpus::{Corpus, Rows},
    error::{Error, Result},
    sinks::Shard,
    store::StoreError,
};

/// Articles that a pair has at most; the two of a language link, in today's corpora.
const MAX_SIDES: usize = 16;

/// One article of a pair, as its rows have it.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// Name of the wiki.
    pub(super) wiki: String,
    /// Page id; 0 for a document.
    pub(super) page: u32,
    /// What tells it from the others of its wiki or collection.
    pub(super) identity: Identity,
    /// Title; of a document what its collection calls it.
    pub(super) title: String,
    /// Address of a document.
    pub(super) url: Option<String>,
    /// The revision its text was read from; 0 where the source has none.
    pub(super) revision: u64,
    /// Its tokens in all rows of the pair.
    pub(super) n_tokens: u64,
}

/// A pair and its rows.
#[derive(Debug)]
pub(super) struct PairRows {
    /// Identity of the pair.
    pub(super) pair: Digest,
    /// Its articles in the order of their wikis.
    pub(super) sides: Vec<Side>,
    /// Ids and numbers of tokens of its rows, sorted.
    pub(super) rows: Vec<(Digest, u64)>,
}

impl PairRows {
    fn new(pair: Digest) -> PairRows {
        PairRows { pair, sides: Vec::new(), rows: Vec::new() }
    }

    /// Returns the tokens of all rows, closing tokens included.
    pub(super) fn n_tokens(&self) -> u64 {
        self.rows.iter().map(|(_, n_tokens)| n_tokens).sum()
    }

    fn add(&mut self, segment: &Segment) {
        self.rows.push((segment.id, segment.input_ids.len() as u64));
        for span in &segment.spans {
            let n_tokens = u64::from(span.token_end.saturating_sub(span.token_start));
            let mut sides = self.sides.iter_mut();
            match sides.find(|it| it.identity == span.identity() && it.wiki == span.wiki) {
                Some(side) => side.n_tokens += n_tokens,
                None => self.sides.push(Side {
                    wiki: span.wiki.clone(),
                    page: span.page,
                    identity: span.identity(),
                    title: span.document.as_ref().unwrap_or(&span.title).clone(),
                    url: span.url.clone(),
                    revision: span.revision,
                    n_tokens,
                }),
            }
        }
    }
}

/// The pairs of one shard.
struct ShardPairs {
    path: PathBuf,
    rows: Rows,
    n_read: u64,
    /// The first row of the pair after the next one.
    ahead: Option<Segment>,
    next: Option<PairRows>,
}

impl ShardPairs {
    fn open(corpus: &Corpus, shard: &Shard) -> Result<ShardPairs> {
        let path = corpus.manifest.shard_path(&corpus.dir, shard);
        let rows = corpus.rows(shard)?;
        let mut pairs = ShardPairs { path, rows, n_read: 0, ahead: None, next: None };
        pairs.ahead = pairs.rows.next().transpose()?;
        pairs.advance()?;
        Ok(pairs)
    }

    /// Reads the next pair.
    fn advance(&mut self) -> Result<()> {
        self.next = None;
        let Some(first) = self.ahead.take() else { return Ok(()) };
        let mut pair = PairRows::new(first.pair);
        pair.add(&first);
        self.n_read += 1;
        while let Some(row) = self.rows.next().transpose()? {
            if row.pair != pair.pair {
                self.ahead = Some(row);
                break;
            }
            pair.add(&row);
            self.n_read += 1;
            if MAX_SIDES < pair.sides.len() {
                let what = format!("its pair has more than {MAX_SIDES} articles");
                return Err(self.bad(what));
            }
        }
        if self.ahead.as_ref().is_some_and(|it| it.pair < pair.pair) {
            let what = "its pair comes before that of the row above, but shards are sorted";
            return Err(self.bad(what.to_owned()));
        }
        pair.rows.sort_unstable();
        pair.sides
            .sort_by(|one, other| (&one.wiki, one.identity).cmp(&(&other.wiki, other.identity)));
        self.next = Some(pair);
        Ok(())
    }

    fn bad(&self, what: String) -> Error {
        StoreError::Row { path: self.path.clone(), row: self.n_read, what }.into()
    }
}

/// The pairs of some shards, in the order of their identities; one pair of each is held.
pub(super) struct Pairs(Vec<ShardPairs>);

impl Pairs {
    /// Opens the shards whose bucket leaves `rest` when divided by `classes`.
    pub(super) fn open(corpus: &Corpus, classes: u64, rest: u64) -> Result<Pairs> {
        let shards = corpus.manifest.shards.iter();
        let ours = shards.filter(|it| u64::from(it.bucket) % classes.max(1) == rest);
        Ok(Pairs(ours.map(|shard| ShardPairs::open(corpus, shard)).collect::<Result<_>>()?))
    }

    /// Returns the identity of the next pair.
    pub(super) fn peek(&self) -> Option<Digest> {
        self.0.iter().filter_map(|it| it.next.as_ref()).map(|it| it.pair).min()
    }

    /// Takes the pair of this identity, if it is the next one.
    ///
    /// # Errors
    ///
    /// A shard is damaged or not in order, or two of them hold the pair.
    pub(super) fn take(&mut self, pair: Digest) -> Result<Option<PairRows>> {
        let mut taken: Option<PairRows> = None;
        for shard in &mut self.0 {
            if shard.next.as_ref().is_none_or(|it| it.pair != pair) {
                continue;
            }
            if taken.is_some() {
                let what = format!("the pair `{pair}` lies in another shard, too");
                return Err(StoreError::damaged(&shard.path, what).into());
            }
            taken = shard.next.take();
            shard.advance()?;
        }
        Ok(taken)
    }
}
