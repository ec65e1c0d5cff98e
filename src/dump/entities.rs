//! Undoes the escapes that XML puts into text: `&lt;`, `&#233;`, `&#x1F600;` and the like.

use memchr::memchr;

/// The longest escape that is looked for, from `&` to `;`, in bytes.
const N_LONGEST_BYTES: usize = 12;

/// Appends `escaped` to `text` with its escapes undone; what is no known escape stays as it is.
pub fn unescape_into(escaped: &str, text: &mut String) {
    text.reserve(escaped.len());
    let mut rest = escaped;
    while let Some((before, from)) =
        memchr(b'&', rest.as_bytes()).and_then(|n| rest.split_at_checked(n))
    {
        text.push_str(before);
        match escape(from) {
            Some((character, behind)) => {
                text.push(character);
                rest = behind;
            }
            None => {
                text.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
}

/// Returns the character that the escape at the start of `from` stands for, and what is behind it.
fn escape(from: &str) -> Option<(char, &str)> {
    let bytes = from.as_bytes();
    let end = memchr(b';', bytes.get(..bytes.len().min(N_LONGEST_BYTES))?)?;
    let character = match from.get(1..end)? {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        numeric => {
            let number = numeric.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix(['x', 'X']) {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            // Parsing alone would take a sign as well.
            let code = match digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                true => u32::from_str_radix(digits, radix).ok()?,
                false => return None,
            };
            char::from_u32(code).filter(|character| *character != '\0')?
        }
    };
    Some((character, from.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::unescape_into;

    fn unescaped(escaped: &str) -> String {
        let mut text = String::new();
        unescape_into(escaped, &mut text);
        text
    }

    #[test]
    fn escapes_are_undone_once() {
        for (escaped, expected) in [
            ("", ""),
            ("ไทย", "ไทย"),
            ("&lt;b&gt; &quot;&amp;&apos;", "<b> \"&'"),
            ("&amp;lt;", "&lt;"),
            ("&#233;&#xe9;&#XE9;&#x1F600;", "ééé😀"),
            ("&nbsp;&", "&nbsp;&"),
            ("&#0;&#xD800;&#x110000;&#;&#x;&#+5;", "&#0;&#xD800;&#x110000;&#;&#x;&#+5;"),
            ("a & b; &é;&lt", "a & b; &é;&lt"),
        ] {
            assert_eq!(unescaped(escaped), expected);
        }
    }

    proptest! {
        #[test]
        fn escaping_is_undone(text in "\\PC*") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            prop_assert_eq!(unescaped(&escaped), text);
        }

        #[test]
        fn never_longer(text in "[&#x;a-f0-9ltg é]*") {
            prop_assert!(unescaped(&text).len() <= text.len());
        }
    }
}
