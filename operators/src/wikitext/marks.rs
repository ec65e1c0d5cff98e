//! The control characters that carry structure through the draft. None of them can occur in XML 1.0,
//! and the tokeniser drops them from pages that come from elsewhere.

/// Something with text of its own was dropped here.
pub(super) const HOLE: char = '\u{1}';
/// A footnote or the like stood here: nothing of the sentence is lost.
pub(super) const FOOT: char = '\u{2}';
/// The label of the next link begins.
pub(super) const LINK: char = '\u{3}';
/// The label of the innermost open link ends.
pub(super) const UNLINK: char = '\u{4}';
/// A paragraph ends here, in the middle of a source line or not.
pub(super) const BREAK: char = '\u{5}';
/// First character of a line that is a list item.
pub(super) const LIST: char = '\u{6}';
/// First character of a heading; a digit for the level follows.
pub(super) const HEAD: char = '\u{7}';
/// An image or another block beside the text stood here.
pub(super) const ASIDE: char = '\u{8}';

/// Whether something was dropped at this character.
pub(super) fn is_seam(c: char) -> bool {
    matches!(c, HOLE | FOOT | ASIDE)
}

/// Whether the character opens or closes a link label.
pub(super) fn is_link_mark(c: char) -> bool {
    matches!(c, LINK | UNLINK)
}

/// Whether a byte belongs to the structure and not to the text.
pub(super) fn is_mark_byte(byte: u8) -> bool {
    (1..=8).contains(&byte)
}
