//! The window split: a pure function from two articles to segments.

use std::sync::Arc;

use super::{
    Advance, Config, Direction, Oversize, RepeatTitle, Variant,
    cut::cut_point,
    side::{Chunk, Part, Queue, Sided},
};
use crate::{
    record::{Digest, Origin},
    reject::Reason,
    segment::{Segment, Span},
    text::DELIMITER,
    vocabulary::{SpecialToken, Vocabulary},
};

/// The smallest N: titles, [SPLIT] and a little text of both sides.
pub(super) const MIN_TOKENS: usize = 32;

/// Tokens of text that titles must leave room for.
const MIN_ROOM: usize = 16;

/// Makes segments, or documents, of pairs.
#[derive(Debug)]
pub struct Splitter {
    config: Config,
    vocabulary: Arc<Vocabulary>,
    closing: SpecialToken,
    /// Most tokens of a segment: N less the BOS that the trainer puts before a window.
    budget: usize,
}

/// The segments of one pair and the account of what went into them.
#[derive(Debug, Default)]
pub struct Work {
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// The account, English first.
    pub counts: [Counts; 2],
}

/// Paragraphs and tokens of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Paragraphs of the article.
    pub paragraphs_in: u64,
    /// Paragraphs of which no token is in a segment.
    pub paragraphs_dropped: u64,
    /// Paragraphs that were cut.
    pub paragraphs_cut: u64,
    /// Tokens of text that went into segments or were dropped; titles are not text.
    pub tokens_in: u64,
    /// Tokens that `oversize = "truncate"` or `"drop"` left out.
    pub tokens_dropped: u64,
}

/// Returns the identity of a pair, which survives changes of its texts.
pub fn pair_id(origin: Origin, english: (&str, u32), target: (&str, u32)) -> Digest {
    let origin = match origin {
        Origin::Wiki => "wiki",
        Origin::Web => "web",
    };
    Digest::of_fields(&[
        origin.as_bytes(),
        english.0.as_bytes(),
        &english.1.to_le_bytes(),
        target.0.as_bytes(),
        &target.1.to_le_bytes(),
    ])
}

/// The two queues of a pair in the order in which a segment holds them.
struct Queues<'a> {
    sides: [Queue<'a>; 2],
    /// Position of each side in `Work::counts`.
    counts: [usize; 2],
}

impl Splitter {
    /// Looks up the closing token.
    pub fn new(config: Config, vocabulary: Arc<Vocabulary>) -> Result<Splitter, String> {
        let closing = match config.variant {
            Variant::Crossic => vocabulary.split_token(&config.split_token)?,
            Variant::Mix | Variant::Mono => vocabulary.end_token(&config.end_token)?,
        };
        let budget = config.tokens - usize::from(vocabulary.bos().is_some());
        Ok(Splitter { config, vocabulary, closing, budget })
    }

    /// Returns the knobs.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the tokenizer.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Returns the token that closes every segment or document.
    pub fn closing(&self) -> &SpecialToken {
        &self.closing
    }

    /// Makes the segments of one pair.
    pub fn split(
        &self,
        origin: Origin,
        english: Sided<'_>,
        target: Sided<'_>,
    ) -> Result<Work, Reason> {
        let pair = pair_id(origin, (english.wiki, english.page), (target.wiki, target.page));
        let mut work = Work::default();
        match self.config.variant {
            Variant::Crossic => {
                let target_first = match self.config.direction {
                    Direction::EnglishFirst => false,
                    Direction::TargetFirst => true,
                    Direction::Mixed => self.coin(pair),
                };
                let mut queues = match target_first {
                    false => Queues { sides: self.queues(english, target), counts: [0, 1] },
                    true => Queues { sides: self.queues(target, english), counts: [1, 0] },
                };
                for (queue, count) in queues.sides.iter().zip(queues.counts) {
                    work.counts[count].paragraphs_in = queue.n_paragraphs as u64;
                }
                while queues.sides.iter().any(|queue| !queue.pieces.is_empty()) {
                    let parts = self.fill(&mut queues, &mut work.counts)?;
                    self.close(parts, &mut queues, (origin, pair), &mut work.segments);
                }
            }
            Variant::Mix | Variant::Mono => {
                let sides = [(english, 0), (target, 1)];
                let skip = usize::from(self.config.variant == Variant::Mono);
                for (side, count) in sides.into_iter().skip(skip) {
                    self.document(
                        side,
                        &mut work.counts[count],
                        (origin, pair),
                        &mut work.segments,
                    );
                }
            }
        }
        match work.segments.is_empty() {
            true => Err(Reason::AllDropped),
            false => Ok(work),
        }
    }

    /// Returns whether the tokens of a segment are those of its text as a whole; `None` where a
    /// paragraph is cut, so that the text is not made of whole paragraphs.
    pub fn whole_agrees(
        &self,
        segment: &Segment,
        english: &Sided<'_>,
        target: &Sided<'_>,
    ) -> Option<bool> {
        let mut pieces = Vec::new();
        for span in &segment.spans {
            if span.cut_start || span.cut_end {
                return None;
            }
            let side = if span.wiki == english.wiki { english } else { target };
            if 0 < span.title_tokens {
                pieces.push(side.document.title);
            }
            let range = span.paragraph_start as usize..span.paragraph_end as usize;
            pieces.extend(side.document.paragraphs().skip(range.start).take(range.len()));
        }
        let whole = self.vocabulary.encode(&pieces.join(DELIMITER));
        Some(segment.input_ids.split_last().is_some_and(|(_, body)| whole == body))
    }

    fn queues<'a>(&self, first: Sided<'a>, second: Sided<'a>) -> [Queue<'a>; 2] {
        [Queue::new(first, &self.vocabulary), Queue::new(second, &self.vocabulary)]
    }

    /// One bit of a keyed hash: the same pair falls on the same side in every build.
    fn coin(&self, pair: Digest) -> bool {
        Digest::of_fields(&[&self.config.seed.to_le_bytes(), &pair.bytes()]).0[0] & 1 == 1
    }

    /// Takes the paragraphs of the next segment from the queues.
    fn fill(&self, queues: &mut Queues, counts: &mut [Counts; 2]) -> Result<[Part; 2], Reason> {
        let active = [0, 1].map(|side| !queues.sides[side].pieces.is_empty());
        let titles = [0, 1].map(|side| {
            let follows = side == 1 && active[0];
            self.title(&queues.sides[side], active[side], follows)
        });
        let overhead = titles.iter().map(Vec::len).sum::<usize>() + 1;
        let needed = MIN_ROOM * active.iter().filter(|active| **active).count();
        let room = match self.budget.checked_sub(overhead) {
            Some(room) if needed <= room => room,
            _ => return Err(Reason::TitlesTooLong),
        };
        let mut parts = titles.map(|title| Part { title, chunks: Vec::new() });
        let mut used = [0, 0];
        // Which side the closing token follows: the second, unless it has nothing left.
        let closing = usize::from(active[1]);

        let mut advancing = active;
        loop {
            let next = [0, 1].map(|side| advancing[side] && !queues.sides[side].pieces.is_empty());
            if next == [false, false] {
                break;
            }
            let mut takes: Vec<[bool; 2]> = vec![next];
            if self.config.advance == Advance::Each && next == [true, true] {
                takes.extend([[true, false], [false, true]]);
            }
            let fitting = takes
                .into_iter()
                .find(|take| self.length(queues, &parts, used, *take, closing) <= room);
            let Some(take) = fitting else { break };
            for side in [0, 1] {
                match take[side] {
                    true => {
                        let chunk = self.take(&mut queues.sides[side], side == closing);
                        let Some(chunk) = chunk else { continue };
                        used[side] += chunk.with.len();
                        parts[side].chunks.push(chunk);
                    }
                    false => advancing[side] &= !next[side],
                }
            }
        }
        if parts.iter().all(|part| part.chunks.is_empty()) {
            self.oversize(queues, &mut parts, room, closing, counts);
        }
        self.account(&parts, closing, queues.counts, counts);
        Ok(parts)
    }

    fn title(&self, queue: &Queue, active: bool, follows: bool) -> Vec<u32> {
        let wanted = match self.config.repeat_title {
            RepeatTitle::Every => true,
            RepeatTitle::First => !queue.titled,
            RepeatTitle::None => false,
        };
        if !active || !wanted {
            return Vec::new();
        }
        let title = format!("{}{DELIMITER}", queue.side.document.title);
        match follows {
            true => self.vocabulary.encode_next(&title),
            false => self.vocabulary.encode(&title),
        }
    }

    /// Returns the tokens of text that the segment would hold with `take` more paragraphs.
    fn length(
        &self,
        queues: &mut Queues,
        parts: &[Part; 2],
        used: [usize; 2],
        take: [bool; 2],
        closing: usize,
    ) -> usize {
        let mut total = 0;
        for side in [0, 1] {
            total += used[side];
            let last = parts[side].chunks.last();
            match (take[side], queues.sides[side].pieces.front_mut()) {
                (true, Some(piece)) if side == closing => {
                    total += piece.bare(&self.vocabulary).len();
                }
                (true, Some(piece)) => total += piece.with.len(),
                _ if side == closing => {
                    let saved = last.map_or(0, |chunk| {
                        chunk.with.len() as isize
                            - chunk.bare.as_ref().map_or(chunk.with.len(), Vec::len) as isize
                    });
                    total = total.saturating_add_signed(-saved);
                }
                _ => {}
            }
        }
        total
    }

    fn take(&self, queue: &mut Queue, closing: bool) -> Option<Chunk> {
        let piece = queue.pieces.pop_front()?;
        Some(Chunk::whole(piece, closing, &self.vocabulary))
    }

    /// Makes the best of a paragraph pair that fits no segment.
    fn oversize(
        &self,
        queues: &mut Queues,
        parts: &mut [Part; 2],
        room: usize,
        closing: usize,
        counts: &mut [Counts; 2],
    ) {
        let vocabulary = &*self.vocabulary;
        let lengths = [0, 1].map(|side| {
            let piece = queues.sides[side].pieces.front_mut();
            piece.map_or(0, |piece| match side == closing {
                true => piece.bare(vocabulary).len(),
                false => piece.with.len(),
            })
        });
        if self.config.oversize == Oversize::Drop {
            let side = usize::from(lengths[0] < lengths[1]);
            let count = &mut counts[queues.counts[side]];
            queues.sides[side].pieces.pop_front();
            count.paragraphs_dropped += 1;
            count.tokens_in += lengths[side] as u64;
            count.tokens_dropped += lengths[side] as u64;
            return;
        }
        let shares = shares(lengths, room);
        for side in [0, 1] {
            let Some(piece) = queues.sides[side].pieces.front_mut() else { continue };
            if lengths[side] <= shares[side] {
                let chunk = self.take(&mut queues.sides[side], side == closing);
                parts[side].chunks.extend(chunk);
                continue;
            }
            let delimiter = match side == closing {
                true => Vec::new(),
                false => vocabulary.encode_next(DELIMITER),
            };
            let rest = piece.bare(vocabulary).len();
            let budget = shares[side].saturating_sub(delimiter.len()).clamp(1, rest.max(1));
            let (text, oversize) = (piece.text, self.config.oversize);
            let ends = piece.ends(vocabulary);
            let n = cut_point(text, ends.len().saturating_sub(rest), ends, budget, oversize);
            let (paragraph, cut_start) = (piece.paragraph, piece.cut_start);
            let bare = piece.take_front(n, vocabulary);
            let count = &mut counts[queues.counts[side]];
            count.paragraphs_cut += u64::from(!cut_start);
            let rest = piece.bare(vocabulary).len();
            if rest == 0 || self.config.oversize == Oversize::Truncate {
                count.tokens_in += rest as u64;
                count.tokens_dropped += rest as u64;
                queues.sides[side].pieces.pop_front();
            }
            let with = [bare.as_slice(), &delimiter].concat();
            let bare = Some(bare);
            parts[side].chunks.push(Chunk { paragraph, with, bare, cut_start, cut_end: true });
        }
    }

    fn account(
        &self,
        parts: &[Part; 2],
        closing: usize,
        order: [usize; 2],
        counts: &mut [Counts; 2],
    ) {
        let closing = if parts[closing].chunks.is_empty() { 1 - closing } else { closing };
        for side in [0, 1] {
            let chunks = &parts[side].chunks;
            for (position, chunk) in chunks.iter().enumerate() {
                let last = side == closing && position + 1 == chunks.len();
                let ids = chunk.bare.as_ref().filter(|_| last).unwrap_or(&chunk.with);
                counts[order[side]].tokens_in += ids.len() as u64;
            }
        }
    }

    /// Writes the parts and the closing token as a segment.
    fn close(
        &self,
        parts: [Part; 2],
        queues: &mut Queues,
        (origin, pair): (Origin, Digest),
        segments: &mut Vec<Segment>,
    ) {
        let closing = if parts[1].chunks.is_empty() { 0 } else { 1 };
        let mut input_ids = Vec::new();
        let mut spans = Vec::new();
        for ((part, queue), side) in parts.into_iter().zip(&mut queues.sides).zip(0..) {
            let span = part.write(&queue.side, side == closing, &mut input_ids);
            queue.titled |= span.is_some();
            spans.extend(span);
        }
        if !spans.is_empty() {
            self.push(input_ids, spans, (origin, pair), segments);
        }
    }

    /// Writes one article as a document.
    fn document(
        &self,
        side: Sided<'_>,
        counts: &mut Counts,
        identity: (Origin, Digest),
        segments: &mut Vec<Segment>,
    ) {
        let queue = Queue::new(side, &self.vocabulary);
        counts.paragraphs_in = queue.n_paragraphs as u64;
        let title = self.title(&queue, true, false);
        let n_pieces = queue.pieces.len();
        let chunks: Vec<Chunk> = queue
            .pieces
            .into_iter()
            .zip(1..)
            .map(|(piece, n)| Chunk::whole(piece, n == n_pieces, &self.vocabulary))
            .collect();
        let mut input_ids = Vec::new();
        let title_tokens = title.len();
        let Some(span) = (Part { title, chunks }).write(&side, true, &mut input_ids) else {
            return;
        };
        counts.tokens_in += (input_ids.len() - title_tokens) as u64;
        self.push(input_ids, vec![span], identity, segments);
    }

    fn push(
        &self,
        mut input_ids: Vec<u32>,
        spans: Vec<Span>,
        (origin, pair): (Origin, Digest),
        segments: &mut Vec<Segment>,
    ) {
        input_ids.push(self.closing.id);
        let index = segments.len() as u32;
        let bytes: Vec<u8> = input_ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let id = Digest::of_fields(&[&pair.bytes(), &index.to_le_bytes(), &bytes]);
        segments.push(Segment { id, pair, index, origin, input_ids, spans, score: None });
    }
}

/// Shares the room between two sides in proportion to their lengths, at least a quarter each; what
/// one side does not need goes to the other.
fn shares(lengths: [usize; 2], room: usize) -> [usize; 2] {
    let [first, second] = lengths;
    if first == 0 || second == 0 {
        return [if first == 0 { 0 } else { room }, if second == 0 { 0 } else { room }];
    }
    let share = (room * first / (first + second)).clamp(room / 4, room - room / 4);
    if first <= share {
        [first, room - first]
    } else if second <= room - share {
        [room - second, second]
    } else {
        [share, room - share]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_proportional_with_a_floor() {
        assert_eq!(shares([300, 100], 200), [150, 50]);
        assert_eq!(shares([1000, 10], 200), [190, 10]);
        assert_eq!(shares([1000, 90], 200), [150, 50]);
        assert_eq!(shares([0, 500], 200), [0, 200]);
    }
}
