//! What may stand at the beginning of a line: lists, headings, rules, tables.

use super::scan::Scan;
use super::{Kind, NONE};

impl Scan<'_> {
    /// Reads the beginning of the line at `at` and returns where the scan goes on.
    pub(super) fn line_start(&mut self, start: usize) -> usize {
        let is_markup = |byte| b" \t<*#:;=-{|!".contains(&byte);
        if !is_markup(self.byte(start)) {
            return start;
        }
        let mut at = start;
        // A comment that has a line for itself takes its newline along, as in MediaWiki.
        loop {
            let text = self.skip_blanks(at);
            if !self.starts(text, b"<!--") {
                break;
            }
            let end = self.comment_end(text);
            let after = self.skip_blanks(end);
            let is_alone = self.byte(after) == b'\n';
            at = if is_alone { after + 1 } else { end };
            self.push(Kind::Skip, text, at, NONE);
        }
        let text = self.skip_blanks(at);
        match self.byte(text) {
            b'*' | b'#' | b':' | b';' => self.list_start(text),
            b'=' => self.heading(text),
            b'-' if self.starts(text, b"----") => {
                let rest = self.bytes.get(text..).unwrap_or_default();
                let length = rest.iter().take_while(|&&byte| byte == b'-').count();
                self.plain(Kind::Break, text, text + length)
            }
            _ => self.table_line(text),
        }
    }

    fn skip_blanks(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count()
    }

    fn list_start(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let is_marker = |byte: &&u8| matches!(**byte, b'*' | b'#' | b':' | b';' | b' ' | b'\t');
        let end = at + rest.iter().take_while(is_marker).count();
        if self.starts(end, b"{|") {
            return self.table_line(end);
        }
        if rest.get(..end - at).is_some_and(|markers| markers.contains(&b';')) {
            self.definition = self.find_definition(end);
        }
        self.plain(Kind::List, at, end)
    }

    /// Returns where the colon stands that parts a term from its definition, outside of brackets.
    fn find_definition(&self, from: usize) -> usize {
        let line = self.bytes.get(from..self.line_end(from)).unwrap_or_default();
        let mut depth = 0_u32;
        for (place, &byte) in line.iter().enumerate() {
            match byte {
                b'[' | b'{' | b'<' => depth += 1,
                b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
                // The colon of an address parts nothing.
                b':' if depth == 0 && line.get(place + 1) != Some(&b'/') => return from + place,
                _ => {}
            }
        }
        usize::MAX
    }

    /// Adds the colon of a definition, unless another construct covers it.
    pub(super) fn define(&mut self) {
        let colon = std::mem::replace(&mut self.definition, usize::MAX);
        let covered = self.tokens.list.last().map_or(0, |token| token.end());
        if covered <= colon {
            self.plain(Kind::Definition, colon, colon + 1);
        }
    }

    /// What a line leaves open ends with it.
    pub(super) fn end_line(&mut self) {
        self.definition = usize::MAX;
        self.close_externals();
        if !self.quotes.is_empty() {
            self.balance_quotes();
        }
    }

    /// `{|`, `|}`, `|` and `!`; anything else is left to the scan.
    fn table_line(&mut self, at: usize) -> usize {
        match (self.byte(at), self.byte(at + 1)) {
            (b'{', b'|') if self.byte(at + 2) != b'}' => self.open_table(at, at + 2),
            // The pipe of a table that stands, or once stood, in an argument.
            (b'{', b'{') if self.starts(at, b"{{{!}}") => self.open_table(at, at + 6),
            (b'{', b'{') if self.starts(at, b"{{!}}}") && self.is_table_on_top() => {
                self.close_table(at, at + 6)
            }
            (b'|', b'}') if self.byte(at + 2) != b'}' || !self.is_template_on_top() => {
                self.close_table(at, at + 2)
            }
            (b'|', _) => self.plain(Kind::LinePipe, at, at + 1),
            (b'!', _) => {
                self.push(Kind::LineBang, at, at, NONE);
                at
            }
            _ => at,
        }
    }

    /// `== title ==`, perhaps with blanks and comments behind.
    fn heading(&mut self, at: usize) -> usize {
        let line_end = self.line_end(at);
        let line = self.source.get(at..line_end).unwrap_or_default();
        let mut title = line.trim_end();
        while let Some(open) = title.strip_suffix("-->").and_then(|rest| rest.rfind("<!--")) {
            title = title.get(..open).unwrap_or_default().trim_end();
        }
        // A comment that goes on in the next line is none of the title either.
        if let Some(open) = title.rfind("<!--").filter(|&open| title.rfind("-->") < Some(open)) {
            title = title.get(..open).unwrap_or_default().trim_end();
        }
        let n_before = title.bytes().take_while(|&byte| byte == b'=').count();
        let n_after = title.bytes().rev().take_while(|&byte| byte == b'=').count();
        let level = n_before.min(n_after).min(6);
        if title.len() <= 2 * level || level == 0 {
            return at;
        }
        // The trailing run is taken off the rendered line, for anything may stand before it.
        self.push(Kind::Heading, at, at + level, level as u32);
        at + level
    }
}
