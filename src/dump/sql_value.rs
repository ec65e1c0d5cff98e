//! Undoes how SQL writes values: escaped strings, hex digits and decimal numbers.

use memchr::memchr2;

/// Appends a string's value, its escapes and doubled quotes undone, to `value`.
pub(crate) fn unescape_into(raw: &[u8], value: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some((before, from)) =
        memchr2(b'\\', b'\'', rest).and_then(|place| rest.split_at_checked(place))
    {
        value.extend_from_slice(before);
        let (byte, n_taken) = match from {
            [b'\\', escaped, ..] => (escape(*escaped), 2),
            [b'\'', b'\'', ..] => (b'\'', 2),
            [byte, ..] => (*byte, 1),
            [] => break,
        };
        value.push(byte);
        rest = from.get(n_taken..).unwrap_or_default();
    }
    value.extend_from_slice(rest);
}

/// Returns the byte that a backslash and `escaped` stand for.
fn escape(escaped: u8) -> u8 {
    match escaped {
        b'0' => 0,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'Z' => 26,
        other => other,
    }
}

/// Appends the bytes that hex digits stand for; an odd first digit is a byte of its own.
pub(crate) fn unhex_into(digits: &[u8], value: &mut Vec<u8>) {
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0) as u8;
    let (odd, even) = digits.split_at_checked(digits.len() % 2).unwrap_or((&[], digits));
    value.extend(odd.iter().map(nibble));
    value.extend(even.as_chunks::<2>().0.iter().map(|[high, low]| nibble(high) << 4 | nibble(low)));
}

/// Returns the number that decimal digits stand for, `None` if they are no such number.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{decimal, unescape_into, unhex_into};

    #[test]
    fn escapes_are_undone() {
        for (raw, expected) in [
            (&b"\\0\\'\\\"\\\\\\n\\r\\Z\\t\\b"[..], &b"\0'\"\\\n\r\x1a\t\x08"[..]),
            (b"it''s ", b"it's "),
            (b"\\%\\x\\", b"%x\\"),
            ("ไทย\\'".as_bytes(), "ไทย'".as_bytes()),
        ] {
            let mut value = Vec::new();
            unescape_into(raw, &mut value);
            assert_eq!(value, expected);
        }
    }

    #[test]
    fn hex_and_decimal_digits() {
        for (digits, expected) in [(&b""[..], &b""[..]), (b"4A6b", b"Jk"), (b"14a", b"\x01J")] {
            let mut value = Vec::new();
            unhex_into(digits, &mut value);
            assert_eq!(value, expected);
        }
        for (digits, expected) in [
            (&b"0"[..], Some(0)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"", None),
            (b"-1", None),
            (b"1.0", None),
        ] {
            assert_eq!(decimal(digits), expected);
        }
    }
}
