//! The ablation: the stream of tokens cut every N, wherever a segment ends.

use super::{Layout, Piece, RowLength};

/// Windows of the stream of tokens, all full but the last. Nothing is lost, repeated or moved; rows are cut.
#[derive(Debug)]
pub struct ConcatChop<I> {
    room: u32,
    segments: I,
    /// What the last window left of a row.
    rest: Option<Piece>,
}

impl<I: Iterator<Item = RowLength>> ConcatChop<I> {
    /// Returns the windows of a stream with `room` tokens each; there is always room for one.
    pub fn new(room: u32, segments: I) -> ConcatChop<I> {
        ConcatChop { room: room.max(1), segments, rest: None }
    }
}

impl<I: Iterator<Item = RowLength>> Iterator for ConcatChop<I> {
    type Item = Layout;

    fn next(&mut self) -> Option<Layout> {
        let mut layout = Vec::new();
        let mut room = self.room;
        while 0 < room
            && let Some(piece) = self.rest.take().or_else(|| self.segments.next().map(Piece::from))
        {
            let cut = piece.start + piece.n_tokens().min(room);
            room -= cut - piece.start;
            layout.push(Piece { end: cut, ..piece });
            if cut < piece.end {
                self.rest = Some(Piece { start: cut, ..piece });
            }
        }
        (!layout.is_empty()).then_some(layout)
    }
}
