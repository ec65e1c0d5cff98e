//! What may stand at the beginning of a line: lists, headings, rules, tables.

use super::scan::Scan;
use super::{Kind, NONE};

impl Scan<'_> {
    /// Reads the beginning of the line at `at` and returns where the scan goes on.
    pub(super) fn line_start(&mut self, start: usize) -> usize {
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
        self.plain(Kind::List, at, end)
    }

    /// `{|`, `|}`, `|` and `!`; anything else is left to the scan.
    fn table_line(&mut self, at: usize) -> usize {
        match (self.byte(at), self.byte(at + 1)) {
            (b'{', b'|') if self.byte(at + 2) != b'}' => self.open_table(at),
            (b'|', b'}') if self.byte(at + 2) != b'}' || !self.is_template_on_top() => {
                self.close_table(at)
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
