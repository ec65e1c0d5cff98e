//! Scans one row of an INSERT, `(1,'text',NULL,…)`, and says where its values are.

use memchr::memchr2;

/// How a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// `NULL`, or a column that the table does not have.
    #[default]
    Null,
    /// A number or a bare word.
    Bare,
    /// Between single quotes, perhaps with escapes.
    Quoted,
    /// `0x…`
    Hex,
}

/// One value: how it is written and where, without its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) form: Form,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What [`scan_row`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// A row of `n_columns` values whose `)` is just before `end`.
    Row { end: usize, n_columns: usize },
    /// The text ends inside the row.
    More,
    /// Something that cannot be in a row is at `at`.
    Wrong { at: usize },
}

/// Stands for a column that is not wanted, in the slots of [`scan_row`].
pub(crate) const UNWANTED: usize = usize::MAX;

/// Scans the row whose `(` is the first byte of `text`.
///
/// The value of column k goes to `fields[slots[k]]`, unless that slot does not exist.
pub(crate) fn scan_row(text: &[u8], slots: &[usize], fields: &mut [Field]) -> Scan {
    let mut at = 1;
    let mut n_columns = 0;
    loop {
        // The two usual forms are read here, so that their values stay in registers.
        let (field, behind) = match text.get(at) {
            None => return Scan::More,
            Some(b'\'') => match string_end(text, at + 1) {
                None => return Scan::More,
                Some(end) => (Field { form: Form::Quoted, start: at + 1, end }, end + 1),
            },
            Some(byte) => {
                let end = if byte.is_ascii_digit() { digits_end(text, at) } else { at };
                if at < end && matches!(text.get(end), Some(b',' | b')')) {
                    (Field { form: Form::Bare, start: at, end }, end)
                } else {
                    match scan_other(text, at) {
                        Ok(found) => found,
                        Err(scan) => return scan,
                    }
                }
            }
        };
        if let Some(place) = slots.get(n_columns).and_then(|slot| fields.get_mut(*slot)) {
            *place = field;
        }
        n_columns += 1;
        at = behind;
        loop {
            match text.get(at) {
                None => return Scan::More,
                Some(b',') => break,
                Some(b')') => {
                    return Scan::Row { end: at + 1, n_columns };
                }
                Some(byte) if byte.is_ascii_whitespace() => at += 1,
                Some(_) => return Scan::Wrong { at },
            }
        }
        at += 1;
    }
}

/// Scans the value at `at`, whatever its form, and returns it with the place behind it.
#[inline(never)]
fn scan_other(text: &[u8], mut at: usize) -> Result<(Field, usize), Scan> {
    while text.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    let start = at;
    while let Some(byte) = text.get(at) {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'+' | b'-' | b'.' | b'_' => at += 1,
            _ => break,
        }
    }
    let word = text.get(start..at).unwrap_or_default();
    let is_null = word.eq_ignore_ascii_case(b"null");
    match (word, text.get(at)) {
        (_, None) => return Err(Scan::More),
        // `_binary 'x'`, `x'6a'` and the like: the word says how the string is meant.
        ([] | [b'_' | b'x' | b'X' | b'n' | b'N' | b'b' | b'B', ..], _) if !is_null => {
            return introduced(text, word, at);
        }
        (_, Some(b',' | b')')) => {}
        (_, Some(byte)) if byte.is_ascii_whitespace() => {}
        _ => return Err(Scan::Wrong { at }),
    }
    let form = match word {
        [b'0', b'x' | b'X', ..] => Form::Hex,
        _ if is_null => Form::Null,
        _ => Form::Bare,
    };
    let start = if form == Form::Hex { start + 2 } else { start };
    Ok((Field { form, start, end: at }, at))
}

/// Scans the string behind a word that introduces it, as `_binary`, or behind no word.
fn introduced(text: &[u8], word: &[u8], mut at: usize) -> Result<(Field, usize), Scan> {
    while text.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    match text.get(at) {
        None => Err(Scan::More),
        Some(b'\'') => {
            let end = string_end(text, at + 1).ok_or(Scan::More)?;
            let form = if word.eq_ignore_ascii_case(b"x") { Form::Hex } else { Form::Quoted };
            Ok((Field { form, start: at + 1, end }, end + 1))
        }
        Some(_) => Err(Scan::Wrong { at }),
    }
}

/// Returns the place of the quote that closes a string whose text begins at `at`.
#[inline]
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = stop(text, at)?;
        if text.get(at) == Some(&b'\\') || text.get(at + 1)? == &b'\'' {
            at += 2;
        } else {
            return Some(at);
        }
    }
}

/// Returns the place of the first quote or backslash from `at` on.
///
/// Most strings are shorter than a vector, so eight bytes at a time in a register beat a call.
#[inline]
fn stop(text: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..2 {
        let Some(word) = word_at(text, at) else {
            break;
        };
        let hits = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if hits != 0 {
            return Some(at + (hits.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Some(at + memchr2(b'\'', b'\\', text.get(at..)?)?)
}

/// Returns the place of the first byte from `at` on that is no decimal digit, or of the end.
#[inline]
fn digits_end(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(text, at) {
        // Digits become 0 to 9, and only those stay below 128 when 118 is added. A carry out of a
        // byte spoils the bytes behind it, but then that byte is a hit itself.
        let values = word ^ (ONES * b'0' as u64);
        let hits = (values.wrapping_add(ONES * 118) | values) & HIGH_BITS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES * 128;
const QUOTES: u64 = ONES * b'\'' as u64;
const BACKSLASHES: u64 = ONES * b'\\' as u64;

/// Returns a word whose lowest set bit lies in the first byte of `word` that is zero.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH_BITS
}

/// Returns the eight bytes at `at`, the first one lowest.
#[inline]
fn word_at(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Field, Form, Scan, scan_row};
    use crate::dump::sql_value::unescape_into;

    /// Scans a row and returns its fields as form and text.
    fn scanned(text: &[u8]) -> Result<Vec<(Form, &[u8])>, Scan> {
        let slots: Vec<usize> = (0..8).collect();
        let mut fields = [Field::default(); 8];
        match scan_row(text, &slots, &mut fields) {
            Scan::Row { end, n_columns } if end == text.len() => Ok(fields[..n_columns]
                .iter()
                .map(|field| (field.form, &text[field.start..field.end]))
                .collect()),
            other => Err(other),
        }
    }

    #[test]
    fn values_of_every_form() {
        use Form::{Bare, Hex, Null, Quoted};
        for (text, expected) in [
            (&b"(1)"[..], vec![(Bare, &b"1"[..])]),
            (b"(-1,+2.5e-3,0.5)", vec![(Bare, b"-1"), (Bare, b"+2.5e-3"), (Bare, b"0.5")]),
            (b"('','a','')", vec![(Quoted, b""), (Quoted, b"a"), (Quoted, b"")]),
            (b"('it\\'s','it''s')", vec![(Quoted, b"it\\'s"), (Quoted, b"it''s")]),
            (b"('\\\\','),(')", vec![(Quoted, b"\\\\"), (Quoted, b"),(")]),
            (b"( 1 , 'a' ,\r\n NULL )", vec![(Bare, b"1"), (Quoted, b"a"), (Null, b"NULL")]),
            (b"(0x4A,x'4a')", vec![(Hex, b"4A"), (Hex, b"4a")]),
            (b"(_binary 'a\0\xff',N'b')", vec![(Quoted, b"a\0\xff"), (Quoted, b"b")]),
            (b"(true,null)", vec![(Bare, b"true"), (Null, b"null")]),
        ] {
            assert_eq!(scanned(text), Ok(expected), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_no_row() {
        for (text, expected) in [
            (&b"("[..], Scan::More),
            (b"(1", Scan::More),
            (b"('a", Scan::More),
            (b"('a'", Scan::More),
            (b"('a\\", Scan::More),
            (b"()", Scan::Wrong { at: 1 }),
            (b"(1,)", Scan::Wrong { at: 3 }),
            (b"('a'b)", Scan::Wrong { at: 4 }),
            (b"(1 2)", Scan::Wrong { at: 3 }),
            (b"(@a)", Scan::Wrong { at: 1 }),
            (b"(_binary 1)", Scan::Wrong { at: 9 }),
        ] {
            assert_eq!(scanned(text), Err(expected), "{}", String::from_utf8_lossy(text));
        }
    }

    /// Escapes as the dump tool does.
    fn escaped(value: &[u8]) -> Vec<u8> {
        let mut raw = Vec::new();
        for byte in value {
            match byte {
                0 => raw.extend(b"\\0"),
                b'\n' => raw.extend(b"\\n"),
                b'\r' => raw.extend(b"\\r"),
                26 => raw.extend(b"\\Z"),
                b'\\' | b'\'' | b'"' => raw.extend([b'\\', *byte]),
                _ => raw.push(*byte),
            }
        }
        raw
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let raw = escaped(&value);
            let row = [b"('", raw.as_slice(), b"')"].concat();
            prop_assert_eq!(scanned(&row), Ok(vec![(Form::Quoted, raw.as_slice())]));
            let mut back = Vec::new();
            unescape_into(&raw, &mut back);
            prop_assert_eq!(back, value);
        }

        #[test]
        fn a_cut_row_wants_more(value in prop::collection::vec(any::<u8>(), 0..40), cut in any::<prop::sample::Index>()) {
            let row = [b"(1,NULL,'", escaped(&value).as_slice(), b"',0x0a)"].concat();
            prop_assert_eq!(scanned(&row[..1 + cut.index(row.len() - 1)]), Err(Scan::More));
        }

        #[test]
        fn never_panics(text in prop::collection::vec(prop::sample::select(b"(),'\\0xN_b 1;\n\xff".to_vec()), 1..60)) {
            drop(scanned(&text));
        }
    }
}
