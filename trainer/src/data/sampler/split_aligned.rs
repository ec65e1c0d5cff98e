//! The paper's sampler (method, §3): a window ends at the last `[SPLIT]` that N tokens reach.
//!
//! Over a stream of segments that is next-fit bin packing: the next segments are taken as long as they fit whole.

use super::{Layout, Piece, RowLength};

/// Windows of the next segments that fit whole. Nothing is lost, repeated, cut or moved.
#[derive(Debug)]
pub struct SplitAligned<I> {
    room: u32,
    segments: I,
    /// The segment that did not fit into the last window.
    next: Option<RowLength>,
}

impl<I: Iterator<Item = RowLength>> SplitAligned<I> {
    /// Returns the windows of a stream with `room` tokens each. A segment that is longer, which [`super::check`]
    /// refuses, would get a window of its own.
    pub fn new(room: u32, segments: I) -> SplitAligned<I> {
        SplitAligned { room, segments, next: None }
    }
}

impl<I: Iterator<Item = RowLength>> Iterator for SplitAligned<I> {
    type Item = Layout;

    fn next(&mut self) -> Option<Layout> {
        let first = self.next.take().or_else(|| self.segments.next())?;
        let mut layout = vec![Piece::from(first)];
        let mut room = self.room.saturating_sub(first.length);
        for segment in self.segments.by_ref() {
            if room < segment.length {
                self.next = Some(segment);
                break;
            }
            room -= segment.length;
            layout.push(Piece::from(segment));
        }
        Some(layout)
    }
}
