//! Pairs of brackets on one stack, so that no pair ever crosses another.

use memchr::memmem;

use super::scan::Scan;
use super::{Kind, NONE};

/// Longest address, in bytes.
const MAX_EXTERNAL: usize = 2000;

/// Beginnings of an address that make `[` an external link, in any capitals.
const ADDRESSES: &[&str] = &[
    "//",
    "http://",
    "https://",
    "ftp://",
    "mailto:",
    "news:",
    "irc://",
    "gopher://",
    "git://",
    "geo:",
    "tel:",
    "urn:",
    "sftp://",
    "telnet://",
    "svn://",
    "ftps://",
    "nntp://",
    "ssh://",
    "xmpp:",
    "sip:",
    "magnet:",
    "bitcoin:",
];

impl Scan<'_> {
    pub(super) fn is_template_on_top(&self) -> bool {
        self.top() == Some(Kind::TemplateOpen)
    }

    pub(super) fn is_table_on_top(&self) -> bool {
        self.top() == Some(Kind::TableOpen)
    }

    fn top(&self) -> Option<Kind> {
        let index = *self.open.last()?;
        self.tokens.list.get(index as usize).map(|token| token.kind)
    }

    fn open(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        let index = self.push(kind, start, end, NONE);
        let place = self.open.len() as u32;
        match kind {
            Kind::TemplateOpen => self.open_templates.push(place),
            Kind::TableOpen => self.open_tables.push(place),
            _ => {}
        }
        self.open.push(index);
        end
    }

    /// Pairs the opener at a place of the stack with a new closer and forgets the openers above it.
    fn close(&mut self, place: u32, kind: Kind, start: usize, end: usize) -> usize {
        let opener = self.open.get(place as usize).copied().unwrap_or(NONE);
        let closer = self.push(kind, start, end, opener);
        if let Some(token) = self.tokens.list.get_mut(opener as usize) {
            token.mate = closer;
        }
        self.open.truncate(place as usize);
        while self.open_templates.last().is_some_and(|&other| place <= other) {
            self.open_templates.pop();
        }
        while self.open_tables.last().is_some_and(|&other| place <= other) {
            self.open_tables.pop();
        }
        end
    }

    pub(super) fn open_brace(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|&&byte| byte == b'{').count();
        if length == 1 {
            return self.plain(Kind::Lone, at, at + 1);
        }
        // Of an odd run the first brace belongs to a parameter such as `{{{1}}}` and goes.
        let mut start = at;
        if length % 2 == 1 {
            start = self.plain(Kind::Skip, at, at + 1);
        }
        while start < at + length {
            start = self.open(Kind::TemplateOpen, start, start + 2);
        }
        start
    }

    pub(super) fn close_brace(&mut self, at: usize) -> usize {
        if self.variants && self.byte(at + 1) == b'-' && self.top() == Some(Kind::VariantOpen) {
            let place = self.open.len() as u32 - 1;
            return self.close(place, Kind::VariantClose, at, at + 2);
        }
        if self.byte(at + 1) != b'}' {
            let follows_pair = 0 < at && self.byte(at - 1) == b'}';
            let kind = if follows_pair { Kind::Skip } else { Kind::Lone };
            return self.plain(kind, at, at + 1);
        }
        let table = self.open_tables.last().copied();
        match self.open_templates.last().copied() {
            Some(place) if table.is_none_or(|table| table < place) => {
                self.close(place, Kind::TemplateClose, at, at + 2)
            }
            _ => self.plain(Kind::Skip, at, at + 2),
        }
    }

    pub(super) fn open_table(&mut self, at: usize, end: usize) -> usize {
        self.open(Kind::TableOpen, at, end)
    }

    pub(super) fn close_table(&mut self, at: usize, end: usize) -> usize {
        match self.open_tables.last().copied() {
            Some(place) => self.close(place, Kind::TableClose, at, end),
            None => self.plain(Kind::LinePipe, at, end),
        }
    }

    pub(super) fn open_square(&mut self, at: usize) -> usize {
        if self.byte(at + 1) != b'[' {
            return self.open_external(at);
        }
        let start = at + 2;
        let Some(stop) = self.next_markup(start) else {
            return self.plain(Kind::Skip, at, start);
        };
        match self.byte(stop) {
            b']' if start < stop && self.byte(stop + 1) == b']' => {
                self.plain(Kind::Link, at, stop + 2)
            }
            b'|' => match self.next_markup(stop + 1) {
                Some(end)
                    if stop + 1 < end && self.byte(end) == b']' && self.byte(end + 1) == b']' =>
                {
                    self.push(Kind::Link, at, end + 2, (stop - at) as u32);
                    end + 2
                }
                _ => self.open(Kind::LinkOpen, at, start),
            },
            // A target never runs over the end of its line.
            b'\n' => self.plain(Kind::Skip, at, start),
            // The last two brackets of a longer run open the link.
            b'[' if stop == start => self.open_external(at),
            b'\'' | b'&' | b'_' | b'-' | 0xC2 | 0xE2 => self.open_styled(at),
            _ => self.open(Kind::LinkOpen, at, start),
        }
    }

    /// Opens a link whose target begins with characters that are not plain, unless the line ends first.
    fn open_styled(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at + 2..).unwrap_or_default();
        let stop = rest.iter().find(|byte| b"[]{}|\n<".contains(byte));
        match stop {
            None | Some(b'\n') => self.plain(Kind::Skip, at, at + 2),
            _ => self.open(Kind::LinkOpen, at, at + 2),
        }
    }

    /// Returns the next special byte that is not a character of plain text after all.
    fn next_markup(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let place = self.specials.next(at)?;
            at = match self.byte(place) {
                byte @ (b'\'' | b'_') if self.byte(place + 1) != byte => place + 1,
                b'-' if self.byte(place + 1) != b'{' => place + 1,
                0xC2 if self.two_byte_kind(place).is_none() => place + 2,
                0xE2 if self.three_byte_kind(place).is_none() => place + 3,
                _ => return Some(place),
            }
        }
    }

    fn open_external(&mut self, at: usize) -> usize {
        let rest = self.source.get(at + 1..).unwrap_or_default();
        let begins = |address: &&str| {
            let head = rest.as_bytes().get(..address.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(address.as_bytes()))
        };
        let may_begin = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'/';
        if !rest.as_bytes().first().is_some_and(may_begin) || !ADDRESSES.iter().any(begins) {
            return self.plain(Kind::Lone, at, at + 1);
        }
        let end = self.square_or_newline(at);
        if self.byte(end) != b']' {
            return self.plain(Kind::Lone, at, at + 1);
        }
        // The address ends at a blank or at markup; the opener covers it.
        let bytes = rest.as_bytes();
        // An address of IPv6 has brackets of its own.
        let has_brackets = bytes.get(..12).and_then(|head| memmem::find(head, b"//[")).is_some();
        let skipped = if has_brackets && end < at + 60 { end - at } else { 0 };
        let is_end = |place: &usize| match bytes.get(*place) {
            Some(b'\'') => bytes.get(*place + 1) == Some(&b'\''),
            // The ideographic space ends an address too.
            Some(0xE3) => {
                bytes.get(*place + 1) == Some(&0x80) && bytes.get(*place + 2) == Some(&0x80)
            }
            Some(byte) => b" \t\n]<>\"{}|[".contains(byte) || *byte < 32,
            None => true,
        };
        let length = (skipped..MAX_EXTERNAL).find(is_end).unwrap_or(skipped);
        let mut after = at + 1 + length;
        while matches!(self.byte(after), b' ' | b'\t') {
            after += 1;
        }
        self.open(Kind::ExternalOpen, at, after)
    }

    /// An external link never runs over the end of its line.
    pub(super) fn close_externals(&mut self) {
        while self.top() == Some(Kind::ExternalOpen) {
            self.open.pop();
        }
    }

    pub(super) fn close_square(&mut self, at: usize) -> usize {
        if self.top() == Some(Kind::ExternalOpen) {
            let place = self.open.len() as u32 - 1;
            return self.close(place, Kind::ExternalClose, at, at + 1);
        }
        if self.byte(at + 1) != b']' {
            return self.plain(Kind::Lone, at, at + 1);
        }
        if self.top() != Some(Kind::LinkOpen) {
            return self.plain(Kind::Skip, at, at + 2);
        }
        self.close(self.open.len() as u32 - 1, Kind::LinkClose, at, at + 2)
    }

    pub(super) fn open_variant(&mut self, at: usize) -> usize {
        match self.byte(at + 1) == b'{' && self.byte(at + 2) != b'{' {
            true => self.open(Kind::VariantOpen, at, at + 2),
            false => at + 1,
        }
    }
}
