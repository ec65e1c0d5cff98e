//! The window split: a pure function from two articles to segments.

use std::sync::Arc;

use super::{
    Advance, Config, Direction, Oversize, RepeatTitle, Variant,
    cut::cut_point,
    side::{Chunk, Part, Queue, Sided},
};
use crate::{
    record::{Digest, Identity, Origin},
    reject::Reason,
    segment::{Segment, Span},
    text::DELIMITER,
    vocabulary::{SpecialToken, Vocabulary},
};

/// The smallest N: titles, [SPLIT] and a little text of both sides.
pub(super) const MIN_TOKENS: usize = 64;

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

/// Returns the identity of a pair, which survives changes of the texts of pages; each side is given
/// by its wiki or collection and by what it is there.
pub fn pair_id(origin: Origin, english: (&str, Identity), target: (&str, Identity)) -> Digest {
    let origin = match origin {
        Origin::Wiki => "wiki",
        Origin::Web => "web",
    };
    Digest::of_fields(&[
        origin.as_bytes(),
        english.0.as_bytes(),
        &english.1.bytes(),
        target.0.as_bytes(),
        &target.1.bytes(),
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
        let [one, other] = [&english, &target].map(|side| (side.wiki, side.identity()));
        let pair = pair_id(origin, one, other);
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
    fn fill<'a>(
        &self,
        queues: &mut Queues<'a>,
        counts: &mut [Counts; 2],
    ) -> Result<[Part<'a>; 2], Reason> {
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
        let mut used = 0;
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
                .find(|take| self.fits(queues, &mut parts, used, (*take, closing), room));
            let Some(take) = fitting else { break };
            for side in [0, 1] {
                if !take[side] {
                    advancing[side] &= !next[side];
                } else if let Some(piece) = queues.sides[side].pieces.pop_front() {
                    used += piece.with.len();
                    parts[side].chunks.push(Chunk::new(piece, false));
                }
            }
        }
        if parts.iter().all(|part| part.chunks.is_empty()) {
            self.oversize(queues, &mut parts, (room, closing), counts);
        }
        let closing = usize::from(!parts[1].chunks.is_empty());
        let used: usize =
            parts.iter().flat_map(|part| &part.chunks).map(|chunk| chunk.ids().len()).sum();
        if let Some(chunk) = parts[closing].chunks.last_mut() {
            chunk.close(&self.vocabulary, room.saturating_sub(used));
        }
        for (part, count) in parts.iter().zip(queues.counts) {
            let n_tokens: usize = part.chunks.iter().map(|chunk| chunk.ids().len()).sum();
            counts[count].tokens_in += n_tokens as u64;
        }
        Ok(parts)
    }

    fn title(&self, queue: &Queue, active: bool, follows: bool) -> Vec<u32> {
        let wanted = match self.config.repeat_title {
            RepeatTitle::Every => true,
            RepeatTitle::First => !queue.titled,
            RepeatTitle::None => false,
        };
        // Web documents have no title, and then no delimiter stands for it.
        if !active || !wanted || queue.side.document.title.is_empty() {
            return Vec::new();
        }
        let title = format!("{}{DELIMITER}", queue.side.document.title);
        match follows {
            true => self.vocabulary.encode_next(&title),
            false => self.vocabulary.encode(&title),
        }
    }

    /// Says whether the segment has room for the next paragraphs of the sides in `take`.
    ///
    /// Paragraphs are counted with the delimiter that follows them; only where that is too much is
    /// the last one tokenised without it, as it stands before the closing token.
    fn fits<'a>(
        &self,
        queues: &mut Queues<'a>,
        parts: &mut [Part<'a>; 2],
        used: usize,
        (take, closing): ([bool; 2], usize),
        room: usize,
    ) -> bool {
        let mut total = used;
        for (queue, take) in queues.sides.iter().zip(take) {
            total += queue.pieces.front().filter(|_| take).map_or(0, |piece| piece.with.len());
        }
        if total <= room {
            return true;
        }
        let last = match take[closing] {
            true => queues.sides[closing].pieces.front_mut(),
            false => parts[closing].chunks.last_mut().map(|chunk| &mut chunk.piece),
        };
        last.is_some_and(|piece| {
            let saved = piece.with.len().saturating_sub(piece.bare(&self.vocabulary).len());
            total - saved <= room
        })
    }

    /// Makes the best of a paragraph pair that fits no segment.
    fn oversize<'a>(
        &self,
        queues: &mut Queues<'a>,
        parts: &mut [Part<'a>; 2],
        (room, closing): (usize, usize),
        counts: &mut [Counts; 2],
    ) {
        let vocabulary = &*self.vocabulary;
        let lengths = [0, 1].map(|side| {
            let piece = queues.sides[side].pieces.front_mut();
            piece.map_or(0, |piece| match side == closing {
                true => piece.bare(vocabulary).len().min(piece.with.len()),
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
                let piece = queues.sides[side].pieces.pop_front();
                parts[side].chunks.extend(piece.map(|piece| Chunk::new(piece, false)));
                continue;
            }
            let delimiter = match side == closing {
                true => 0,
                false => vocabulary.encode_next(DELIMITER).len(),
            };
            let rest = piece.bare(vocabulary).len();
            let budget = shares[side].saturating_sub(delimiter).clamp(1, rest.max(1));
            let (text, oversize) = (piece.text, self.config.oversize);
            let ends = piece.ends(vocabulary);
            let n = cut_point(text, ends.len().saturating_sub(rest), ends, budget, oversize);
            let front = piece.take_front(n, vocabulary);
            let count = &mut counts[queues.counts[side]];
            let rest = piece.bare(vocabulary).len();
            count.paragraphs_cut += u64::from(!front.cut_start && rest != 0);
            if rest == 0 || oversize == Oversize::Truncate {
                count.tokens_in += rest as u64;
                count.tokens_dropped += rest as u64;
                queues.sides[side].pieces.pop_front();
            }
            parts[side].chunks.push(Chunk::new(front, rest != 0));
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
        let mut input_ids = Vec::new();
        let mut spans = Vec::new();
        for (part, queue) in parts.into_iter().zip(&mut queues.sides) {
            let span = part.write(&queue.side, &mut input_ids);
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
        let mut chunks: Vec<Chunk> =
            queue.pieces.into_iter().map(|piece| Chunk::new(piece, false)).collect();
        if let Some(chunk) = chunks.last_mut() {
            chunk.close(&self.vocabulary, usize::MAX);
        }
        let mut input_ids = Vec::new();
        let title_tokens = title.len();
        let Some(span) = (Part { title, chunks }).write(&side, &mut input_ids) else {
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
        segments.push(Segment {
            id,
            pair,
            index,
            origin,
            input_ids,
            spans,
            score: None,
            retrieval: None,
        });
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
