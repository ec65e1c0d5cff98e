//! Tags: what a known one adds to the tokens, and how far an opaque one reaches.

use memchr::{memchr, memchr_iter};

use super::super::tags::Tag;
use super::scan::Scan;
use super::{Kind, NONE};

/// Longest raised or lowered text that may be written with special digits, in bytes.
const MAX_SCRIPT: usize = 6;

impl Scan<'_> {
    /// Adds the tag that covers `start..end` and returns where the scan goes on.
    pub(super) fn tag(
        &mut self,
        name: &'static str,
        tag: Tag,
        start: usize,
        end: usize,
        is_closing: bool,
        is_empty: bool,
    ) -> usize {
        if tag.is_opaque() {
            return self.opaque(name, tag, start, end, is_closing, is_empty);
        }
        let kind = match tag {
            Tag::Boundary => Kind::Break,
            Tag::Item if is_closing => Kind::Skip,
            Tag::Item => Kind::Item,
            Tag::LineBreak => Kind::LineBreak,
            Tag::Sup | Tag::Sub if !is_closing => return self.script(tag, start, end),
            _ => Kind::Skip,
        };
        self.plain(kind, start, end)
    }

    /// Short raised or lowered digits become one token, anything else stays transparent.
    fn script(&mut self, tag: Tag, start: usize, end: usize) -> usize {
        let rest = self.bytes.get(end..).unwrap_or_default();
        let limit = rest.len().min(MAX_SCRIPT + 1);
        let length = memchr(b'<', rest.get(..limit).unwrap_or_default()).unwrap_or(0);
        let close: &[u8] = if tag == Tag::Sup { b"</sup>" } else { b"</sub>" };
        if length == 0 || !self.starts(end + length, close) {
            return self.plain(Kind::Skip, start, end);
        }
        let kind = if tag == Tag::Sup { Kind::Sup } else { Kind::Sub };
        let after = end + length + close.len();
        self.push(kind, start, after, close.len() as u32);
        after
    }

    fn opaque(
        &mut self,
        name: &'static str,
        tag: Tag,
        start: usize,
        end: usize,
        is_closing: bool,
        is_empty: bool,
    ) -> usize {
        let empty_kind = match tag {
            Tag::Foot => Kind::Foot,
            Tag::Block => Kind::Break,
            _ => Kind::Skip,
        };
        if is_empty {
            return self.plain(empty_kind, start, end);
        }
        if is_closing || self.closeless.contains(&name) {
            return self.plain(Kind::Skip, start, end);
        }
        let Some((close, after)) = self.find_close(end, name) else {
            self.closeless.push(name);
            return self.plain(Kind::Skip, start, end);
        };
        let kind = match tag {
            Tag::Foot => Kind::Foot,
            Tag::Block => Kind::Break,
            Tag::Hole => Kind::Hole,
            Tag::Math => Kind::Math,
            Tag::Literal => Kind::Literal,
            Tag::Pre => Kind::Pre,
            _ => Kind::Skip,
        };
        let mate = match tag {
            Tag::Math | Tag::Literal | Tag::Pre => (after - close) as u32,
            _ => NONE,
        };
        self.push(kind, start, after, mate);
        after
    }

    /// Returns where `</name…>` begins and ends; tables are counted because they nest.
    fn find_close(&self, from: usize, name: &str) -> Option<(usize, usize)> {
        let rest = self.bytes.get(from..)?;
        let mut depth = 0_usize;
        for place in memchr_iter(b'<', rest) {
            let tail = rest.get(place + 1..)?;
            let (is_closing, tail) = match tail.strip_prefix(b"/") {
                Some(tail) => (true, tail),
                None => (false, tail),
            };
            let Some((head, tail)) = tail.split_at_checked(name.len()) else {
                continue;
            };
            if !head.eq_ignore_ascii_case(name.as_bytes())
                || !matches!(tail.first(), Some(b'>' | b' ' | b'\t' | b'\n'))
            {
                continue;
            }
            match (is_closing, depth) {
                (true, 0) => {
                    let end = rest.len() - tail.len() + memchr(b'>', tail)? + 1;
                    return Some((from + place, from + end));
                }
                (true, _) => depth -= 1,
                (false, _) => depth += usize::from(name == "table"),
            }
        }
        None
    }
}
