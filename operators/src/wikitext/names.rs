//! Normal forms of the names that tables are keyed by.

/// Writes a template or namespace name into `out`: trimmed, lower case, single spaces for underscores.
pub(super) fn normalise_name(name: &str, out: &mut String) {
    out.clear();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'_';
    if name.bytes().all(is_plain) {
        out.push_str(name);
        return out.make_ascii_lowercase();
    }
    for word in name.split(|c: char| c == '_' || c.is_whitespace()).filter(|word| !word.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        match word.is_ascii() {
            true => out.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase()))),
            false => push_lowercase(word, out),
        }
    }
}

fn push_lowercase(word: &str, out: &mut String) {
    for c in word.chars() {
        match c {
            // Scripts of East Asia have no case.
            '\u{2e80}'..='\u{a63f}' | '\u{ac00}'..='\u{d7ff}' => out.push(c),
            c => out.extend(c.to_lowercase()),
        }
    }
}

/// Writes a word of a section's title, in lower case, behind what is already there: without vowel signs
/// and accents that writers leave out, and with one letter where they write several.
pub(super) fn push_section_word(word: &str, out: &mut String) {
    if word.is_ascii() {
        return out.push_str(word);
    }
    out.extend(word.chars().filter_map(|c| match c {
        // Vowel signs of Arabic, and the stroke that only makes a word longer.
        '\u{64b}'..='\u{652}' | '\u{640}' => None,
        'أ' | 'إ' | 'آ' | 'ٱ' => Some('ا'),
        'ى' => Some('ي'),
        'ة' => Some('ه'),
        'á' => Some('a'),
        'é' => Some('e'),
        'í' => Some('i'),
        'ó' => Some('o'),
        'ú' => Some('u'),
        c => Some(c),
    }));
}

/// Returns a title as links name it: trimmed, single spaces for underscores, without fragment.
pub(super) fn normalise_title(title: &str) -> String {
    let mut out = String::with_capacity(title.len());
    push_title(title, &mut out);
    out
}

/// Writes a title as links name it behind what is already there.
pub(super) fn push_title(title: &str, out: &mut String) {
    let title = trim(title);
    if is_normal(title) {
        return out.push_str(title);
    }
    let title = title.split('#').next().unwrap_or_default();
    let is_space = |c: char| c == '_' || c.is_whitespace();
    let mut words = title.split(is_space).filter(|word| !word.is_empty());
    out.push_str(words.next().unwrap_or_default());
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
}

/// Returns whether a trimmed title holds nothing that its normal form would change.
fn is_normal(title: &str) -> bool {
    // Many titles hold no blank at all; this loop has no memory and is quick.
    let is_plain = |byte| !(byte <= b' ' || byte == b'_' || byte == b'#' || byte == 0x80);
    if title.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return true;
    }
    let mut before = [0; 2];
    let mut is_normal = true;
    for byte in title.bytes() {
        let is_double_space = byte == b' ' && before[1] == b' ';
        // The ideographic space, U+3000.
        let is_wide_space = byte == 0x80 && before == [0xE3, 0x80];
        is_normal &=
            !(byte < 32 || byte == b'_' || byte == b'#' || is_double_space || is_wide_space);
        before = [before[1], byte];
    }
    is_normal
}

/// Returns a text without white space at its ends; quick where there is none, in any script.
#[inline]
pub(super) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [] => text,
        [first, .., last] if is_visible(*first) && is_visible(*last) => text,
        // Three bytes at either end show whether a character of theirs is white space.
        [a, b, .., x, y, z]
            if (is_visible(*a) || is_solid(*a, *b)) && (is_visible(*z) || is_solid(*x, *y)) =>
        {
            text
        }
        _ => text.trim(),
    }
}

/// Whether a byte is a visible ASCII character.
fn is_visible(byte: u8) -> bool {
    (33..=126).contains(&byte)
}

/// Whether the first two bytes of a three-byte character show that it is no white space.
fn is_solid(first: u8, second: u8) -> bool {
    (first == 0xE0 || 0xE4 <= first) && first < 0xF0 || (first == 0xE3 && second != 0x80)
}
