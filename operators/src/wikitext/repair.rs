//! Mends a line where something fell out: empty brackets, doubled separators, stranded spaces.
//!
//! Only seams are touched, so `f()` in an article on programming stays as it is.

use super::marks::{FOOT, HOLE, is_link_mark, is_seam};
use super::names::trim;

/// Most separators that go at the end of a line or bracket.
const MAX_TRAILING: usize = 8;

/// Buffers that are used again for each line.
#[derive(Default)]
pub(super) struct Repair {
    chars: Vec<char>,
    /// For each opening bracket that goes, the place behind its partner.
    ends: Vec<usize>,
    open: Vec<Bracket>,
    kept: Vec<char>,
    moved: Vec<char>,
    out: String,
}

/// An open bracket and what has been seen in it.
struct Bracket {
    place: usize,
    close: char,
    has_seam: bool,
    has_text: bool,
}

impl Repair {
    /// Returns the mended line, still with its link marks, and the number of holes left in sentences.
    pub(super) fn mend(&mut self, line: &str) -> (&str, u32) {
        self.chars.clear();
        self.chars.extend(trim(line).chars());
        self.find_empty_brackets();
        let n_holes = self.rewrite();
        self.out.clear();
        self.out.extend(self.kept.iter());
        (&self.out, n_holes)
    }

    /// Notes the pairs of brackets that hold a seam and neither letters nor digits.
    fn find_empty_brackets(&mut self) {
        self.ends.clear();
        self.ends.resize(self.chars.len(), 0);
        self.open.clear();
        for (place, &c) in self.chars.iter().enumerate() {
            if let Some(close) = closing(c) {
                self.open.push(Bracket { place, close, has_seam: false, has_text: false });
                continue;
            }
            let Some(top) = self.open.last_mut() else {
                continue;
            };
            top.has_seam |= is_seam(c);
            top.has_text |= c.is_alphanumeric();
            if top.close != c {
                continue;
            }
            let Some(bracket) = self.open.pop() else {
                continue;
            };
            if bracket.has_seam
                && (!bracket.has_text || announces_only(self.chars.get(bracket.place..place)))
                && let Some(end) = self.ends.get_mut(bracket.place)
            {
                *end = place + 1;
            }
            if let Some(outer) = self.open.last_mut() {
                outer.has_seam |= bracket.has_seam;
                outer.has_text |= bracket.has_text;
            }
        }
    }

    /// Returns the place behind a dash that parted a picture at the beginning of a line from the text.
    fn behind_dash(&self, place: usize) -> usize {
        match (self.at(place), self.at(place + 1)) {
            (Some('-' | '–' | '—' | ':' | '•' | '·'), Some(' ')) => place + 2,
            _ => place,
        }
    }

    /// Returns whether a single separator is all that follows in the line.
    fn ends_with_separator(&self, place: usize) -> bool {
        let is_last = place + 1 == self.chars.len();
        is_last && self.at(place).is_some_and(|c| is_separator(c) && c != ':')
    }

    fn at(&self, place: usize) -> Option<char> {
        self.chars.get(place).copied()
    }

    fn end_of_empty(&self, place: usize) -> Option<usize> {
        self.ends.get(place).copied().filter(|&end| end != 0)
    }

    /// Copies the line and closes each seam; returns the number of holes left in sentences.
    fn rewrite(&mut self) -> u32 {
        self.kept.clear();
        let mut n_holes = 0;
        let mut place = 0;
        while let Some(c) = self.at(place) {
            if !is_seam(c) && self.end_of_empty(place).is_none() {
                self.kept.push(c);
                place += 1;
                continue;
            }
            let (after, has_hole) = self.close(place);
            n_holes += u32::from(has_hole);
            place = after;
        }
        n_holes
    }

    /// Closes the seam at `place`; returns where the line goes on and whether a sentence lost a word.
    fn close(&mut self, place: usize) -> (usize, bool) {
        let mut has_hole = false;
        let mut has_footnote_only = true;
        self.moved.clear();
        let mut has_space = self.pop_tail();
        let (mut next, mut hole) = self.skip(place, false, &mut has_space, &mut has_footnote_only);
        has_hole |= hole;
        let left = self.kept.last().copied();
        let is_start = left.is_none_or(|c| closing(c).is_some());
        if !has_footnote_only && self.ends_with_separator(next) {
            next = self.chars.len();
        }
        let right = self.at(next);
        let is_end = right.is_none_or(is_closing);
        let mut is_mended = is_start;
        if is_start && !(left.is_none() && has_footnote_only) {
            (next, hole) = self.skip(next, true, &mut has_space, &mut has_footnote_only);
            has_hole |= hole;
            has_space = false;
        } else if is_start {
            has_space = false;
            next = self.behind_dash(next);
        } else if is_end {
            // A colon at the end of a line announces what follows and stays.
            let goes = |c: &char| match right {
                Some(_) => is_separator(*c),
                None => is_separator(*c) && *c != ':' && !has_footnote_only,
            };
            for _ in 0..MAX_TRAILING {
                if !self.kept.last().is_some_and(goes) {
                    break;
                }
                is_mended = true;
                self.pop_left();
            }
            has_space = false;
        } else if right.is_some_and(|c| is_separator(c) || is_stop(c)) {
            if left.is_some_and(is_separator) {
                is_mended = true;
                self.pop_left();
            }
            let follows_stop = left.is_some_and(is_stop);
            // `.NET` begins with its stop, `。` never does.
            let begins = |c: char| Some(c) == right || c.is_alphanumeric();
            let ends_there =
                right.is_some_and(|c| !c.is_ascii()) || !self.at(next + 1).is_some_and(begins);
            if follows_stop && left == right && ends_there {
                // One stop before what fell out and one behind it.
                (next, has_space) = (next + 1, false);
            } else {
                let begins_word = follows_stop && (right.is_some_and(is_stop) || !ends_there);
                let stays = matches!(right, Some('–' | '/' | '·' | '・')) || begins_word;
                has_space &= !is_mended && stays;
            }
        }
        if has_space && !self.kept.is_empty() {
            self.kept.push(' ');
        }
        // Two lone brackets must not become a pair of markup.
        if let (Some(&last), Some(right)) = (self.kept.last(), self.at(next))
            && last == right
            && matches!(right, '[' | ']' | '{' | '}')
        {
            next += 1;
        }
        self.kept.append(&mut self.moved);
        (next, has_hole && !is_mended && !left.is_some_and(is_stop))
    }

    /// Passes over seams, spaces, empty brackets and perhaps separators, keeping link marks aside.
    fn skip(
        &mut self,
        from: usize,
        with_separators: bool,
        has_space: &mut bool,
        has_footnote_only: &mut bool,
    ) -> (usize, bool) {
        let mut place = from;
        let mut has_hole = false;
        while let Some(c) = self.at(place) {
            if let Some(end) = self.end_of_empty(place) {
                // The links in it are marks without a label.
                let marks = self.chars.get(place..end).unwrap_or_default();
                self.moved.extend(marks.iter().filter(|c| is_link_mark(**c)));
                place = end;
                *has_footnote_only = false;
                continue;
            }
            if is_link_mark(c) {
                self.moved.push(c);
            } else if is_seam(c) {
                has_hole |= c == HOLE;
                *has_footnote_only &= c == FOOT;
            } else if c == ' ' || c == '\t' {
                *has_space = true;
            } else if !(with_separators && is_separator(c)) {
                break;
            }
            place += 1;
        }
        (place, has_hole)
    }

    /// Takes spaces and link marks off the end of what is kept; the marks are put aside.
    fn pop_tail(&mut self) -> bool {
        let mut has_space = false;
        while let Some(&last) = self.kept.last() {
            match last {
                ' ' | '\t' => has_space = true,
                mark if is_link_mark(mark) => self.moved.push(mark),
                _ => break,
            }
            self.kept.pop();
        }
        self.moved.reverse();
        has_space
    }

    /// Takes a separator and the spaces before it off the end of what is kept.
    ///
    /// Link marks before it stay: moving them at each separator would be quadratic.
    fn pop_left(&mut self) {
        self.kept.pop();
        while matches!(self.kept.last(), Some(' ' | '\t')) {
            self.kept.pop();
        }
    }
}

/// Longest text in brackets that may do nothing but announce what fell out, in characters.
const MAX_ANNOUNCED: usize = 40;

/// Words that announce a pronunciation or join two of them.
const ANNOUNCING: &[&str] = &[
    "or",
    "and",
    "also",
    "locally",
    "pronounced",
    "pronunciation",
    "ipa",
    "afi",
    "または",
    "発音",
    "国際音声記号",
    "読み",
    "o",
    "ou",
    "y",
    "e",
    "pronunciado",
    "pronunciada",
    "pronunciación",
    "pronúncia",
    "pronuncia",
    "hoặc",
    "phát",
    "âm",
    "或",
    "发音",
    "發音",
    "หรือ",
    "ออกเสียง",
    "또는",
    "발음",
];

/// Returns whether what stands in brackets around a hole only announces what is gone.
fn announces_only(inside: Option<&[char]>) -> bool {
    let Some(inside) = inside.filter(|it| it.len() <= MAX_ANNOUNCED && it.contains(&HOLE)) else {
        return false;
    };
    let mut words = inside.split(|c| is_seam(*c) || is_link_mark(*c) || !is_letter(*c));
    words.all(|word| {
        let word: String = word.iter().flat_map(|c| c.to_lowercase()).collect();
        word.is_empty() || ANNOUNCING.contains(&word.as_str())
    })
}

/// Whether a character belongs to a word; marks of Thai are no letters by themselves.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

/// Returns the partner of an opening bracket; such a pair goes when only a seam is left in it.
fn closing(c: char) -> Option<char> {
    Some(match c {
        '(' => ')',
        '（' => '）',
        '[' => ']',
        '［' => '］',
        '「' => '」',
        '『' => '』',
        '〈' => '〉',
        '《' => '》',
        '【' => '】',
        '〔' => '〕',
        '“' => '”',
        '«' => '»',
        _ => return None,
    })
}

/// Whether a character closes a bracket that [`closing`] knows.
fn is_closing(c: char) -> bool {
    matches!(c, ')' | '）' | ']' | '］' | '」' | '』' | '〉' | '》' | '】' | '〕' | '”' | '»')
}

/// Whether a character parts the items of a list.
fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | ':' | '、' | '，' | '；' | '：' | '،' | '؛' | '/' | '・' | '·' | '–')
}

/// Whether a character ends a sentence.
fn is_stop(c: char) -> bool {
    matches!(c, '.' | '。' | '!' | '?' | '！' | '？' | '؟' | '．' | '।')
}
