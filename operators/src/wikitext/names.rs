//! Normal forms of the names that tables are keyed by.

/// Writes a template or namespace name into `out`: trimmed, lower case, single spaces for underscores.
pub(super) fn normalise_name(name: &str, out: &mut String) {
    out.clear();
    for word in name.split(|c: char| c == '_' || c.is_whitespace()).filter(|word| !word.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        match word.is_ascii() {
            true => out.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase()))),
            false => out.extend(word.chars().flat_map(char::to_lowercase)),
        }
    }
}

/// Returns a title as links name it: trimmed, single spaces for underscores, without fragment.
pub(super) fn normalise_title(title: &str) -> String {
    let title = title.trim();
    if is_normal(title) {
        return title.to_owned();
    }
    let title = title.split('#').next().unwrap_or_default();
    let mut out = String::with_capacity(title.len());
    for word in title.split(|c: char| c == '_' || c.is_whitespace()).filter(|word| !word.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Returns whether a trimmed title holds nothing that its normal form would change.
fn is_normal(title: &str) -> bool {
    let mut before = [0; 2];
    for byte in title.bytes() {
        let is_double_space = byte == b' ' && before[1] == b' ';
        // The ideographic space, U+3000.
        let is_wide_space = byte == 0x80 && before == [0xE3, 0x80];
        if matches!(byte, 0..=31 | b'_' | b'#') || is_double_space || is_wide_space {
            return false;
        }
        before = [before[1], byte];
    }
    true
}
