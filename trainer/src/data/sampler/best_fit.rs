//! Whole segments, each window filled from a bounded buffer: hardly any padding, and no segment cut.

use std::collections::{BTreeMap, BTreeSet};

use super::{Layout, Piece, RowLength};

/// Segments that are looked at for a window at most.
pub const BUFFER: usize = 4_096;

/// Windows of whole segments, filled by best fit.
///
/// Before each window the buffer is filled up from the stream to [`BUFFER`] segments. A window begins with the segment
/// that has waited longest, so none waits for more than [`BUFFER`] windows, and long segments do not come first. Then,
/// as long as one fits, the longest segment that fits is added; among equals, the one that has waited longest. The
/// layout is in this order. Nothing is lost, repeated or cut.
#[derive(Debug)]
pub struct BestFit<I> {
    room: u32,
    segments: I,
    /// Segments read so far: the next one's place in the stream.
    n_read: u64,
    /// The buffer by place in the stream.
    waiting: BTreeMap<u64, RowLength>,
    /// The buffer by length; among equals, later ones first.
    by_length: BTreeSet<(u32, std::cmp::Reverse<u64>)>,
}

impl<I: Iterator<Item = RowLength>> BestFit<I> {
    /// Returns the windows of a stream with `room` tokens each. A segment that is longer, which [`super::check`]
    /// refuses, would get a window of its own.
    pub fn new(room: u32, segments: I) -> BestFit<I> {
        let (waiting, by_length) = Default::default();
        BestFit { room, segments, n_read: 0, waiting, by_length }
    }

    fn refill(&mut self) {
        while self.waiting.len() < BUFFER
            && let Some(segment) = self.segments.next()
        {
            self.by_length.insert((segment.length, std::cmp::Reverse(self.n_read)));
            self.waiting.insert(self.n_read, segment);
            self.n_read += 1;
        }
    }

    /// Takes the longest segment of at most `room` tokens.
    fn longest_within(&mut self, room: u32) -> Option<RowLength> {
        // Place 0 is the greatest of a length.
        let &key = self.by_length.range(..=(room, std::cmp::Reverse(0))).next_back()?;
        self.by_length.remove(&key);
        self.waiting.remove(&key.1.0)
    }
}

impl<I: Iterator<Item = RowLength>> Iterator for BestFit<I> {
    type Item = Layout;

    fn next(&mut self) -> Option<Layout> {
        self.refill();
        let (place, first) = self.waiting.pop_first()?;
        self.by_length.remove(&(first.length, std::cmp::Reverse(place)));
        let mut layout = vec![Piece::from(first)];
        let mut room = self.room.saturating_sub(first.length);
        while 0 < room
            && let Some(segment) = self.longest_within(room)
        {
            room -= segment.length;
            layout.push(Piece::from(segment));
        }
        Some(layout)
    }
}
