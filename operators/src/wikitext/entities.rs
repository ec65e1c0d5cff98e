//! Character references: `&nbsp;`, `&#233;`, `&#xE9;`.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::facts;

static NAMED: OnceLock<FxHashMap<&'static str, char>> = OnceLock::new();

/// Returns the character of a reference written with `&` and `;`, or none if there is none.
///
/// Spaces of other widths come out as a space, and invisible direction marks as U+200E, which the
/// caller drops like control characters.
pub(super) fn decode(reference: &str) -> Option<char> {
    let body = reference.strip_prefix('&')?.strip_suffix(';')?;
    let c = match body.strip_prefix('#') {
        None => *NAMED.get_or_init(|| facts::entities().collect()).get(body)?,
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some(match c {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{2028}' | '\u{2029}' => ' ',
        '\n' | '\t' | '\r' => ' ',
        c => c,
    })
}

/// Whether a character is no text: a control, a soft hyphen or a direction mark.
pub(super) fn is_invisible(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        c => c.is_control(),
    }
}
