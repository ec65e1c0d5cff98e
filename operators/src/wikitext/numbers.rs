//! Numbers as a language writes them: groups of three digits, the decimal mark, raised and lowered
//! digits.

use super::facts;

/// How a language writes numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberStyle {
    group: char,
    decimal: char,
    /// Digits before the decimal mark from which on they are grouped.
    grouped_from: usize,
}

impl NumberStyle {
    /// Returns the style of a language, that of English where the table has none.
    pub(super) fn of(lang: &str) -> NumberStyle {
        let find = |lang: &str| facts::numbers().find(|(known, ..)| *known == lang);
        let (_, marks, from) = find(lang).or_else(|| find("en")).unwrap_or_default();
        let mut marks = marks.chars().map(|c| if c == '␣' { ' ' } else { c });
        NumberStyle {
            group: marks.next().unwrap_or(','),
            decimal: marks.next().unwrap_or('.'),
            grouped_from: from.parse().unwrap_or(4),
        }
    }

    /// Returns a number of digits, perhaps with a sign and a decimal point, as the language writes
    /// it; none if the text is something else, such as a number with groups of its own.
    pub(super) fn write(&self, text: &str) -> Option<String> {
        let digits = text.trim_start_matches(['-', '−', '+']);
        let (whole, part) = match digits.split_once('.') {
            Some((whole, part)) => (whole, Some(part)),
            None => (digits, None),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !part.is_none_or(is_digits) {
            return None;
        }
        let sign = text.get(..text.len() - digits.len()).unwrap_or_default();
        let mut out = sign.replace('-', "−");
        for (index, digit) in whole.chars().enumerate() {
            let n_left = whole.len() - index;
            if 0 < index && n_left % 3 == 0 && self.grouped_from <= whole.len() {
                out.push(self.group);
            }
            out.push(digit);
        }
        if let Some(part) = part {
            out.push(self.decimal);
            out.push_str(part);
        }
        Some(out)
    }
}

/// Returns digits and signs in their raised form, or none if one of them has no such form.
pub(super) fn raised(text: &str) -> Option<String> {
    in_table(text, SUPERSCRIPTS)
}

/// Returns digits and signs in their lowered form, or none if one of them has no such form.
pub(super) fn lowered(text: &str) -> Option<String> {
    in_table(text, SUBSCRIPTS)
}

fn in_table(text: &str, table: &[(char, char)]) -> Option<String> {
    let find = |c: char| {
        let c = if c == '−' { '-' } else { c };
        table.iter().find(|(plain, _)| *plain == c).map(|&(_, special)| special)
    };
    text.chars().map(find).collect()
}

const SUPERSCRIPTS: &[(char, char)] = &[
    ('0', '⁰'),
    ('1', '¹'),
    ('2', '²'),
    ('3', '³'),
    ('4', '⁴'),
    ('5', '⁵'),
    ('6', '⁶'),
    ('7', '⁷'),
    ('8', '⁸'),
    ('9', '⁹'),
    ('+', '⁺'),
    ('-', '⁻'),
];

const SUBSCRIPTS: &[(char, char)] = &[
    ('0', '₀'),
    ('1', '₁'),
    ('2', '₂'),
    ('3', '₃'),
    ('4', '₄'),
    ('5', '₅'),
    ('6', '₆'),
    ('7', '₇'),
    ('8', '₈'),
    ('9', '₉'),
    ('+', '₊'),
    ('-', '₋'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_writes_its_numbers() {
        for (lang, thousands, tens_of_thousands, part) in [
            ("en", "1,234", "12,345,678", "0.5"),
            ("ar", "1,234", "12,345,678", "0.5"),
            ("es", "1234", "12 345 678", "0,5"),
            ("ja", "1,234", "12,345,678", "0.5"),
            ("ko", "1,234", "12,345,678", "0.5"),
            ("pt", "1234", "12 345 678", "0,5"),
            ("th", "1,234", "12,345,678", "0.5"),
            ("vi", "1.234", "12.345.678", "0,5"),
            ("zh", "1,234", "12,345,678", "0.5"),
            ("xx", "1,234", "12,345,678", "0.5"),
        ] {
            let style = NumberStyle::of(lang);
            let write = |text: &str| style.write(text).expect("a number");
            assert_eq!(
                [write("1234"), write("12345678"), write("0.5")],
                [thousands, tens_of_thousands, part],
                "{lang}"
            );
        }
        let style = NumberStyle::of("en");
        assert_eq!(style.write("-12345.6789").as_deref(), Some("−12,345.6789"));
        for other in ["", "-", "1,234", "1 234", "12a", ".5", "1.2.3", "1e6", "๑๒๓"] {
            assert_eq!(style.write(other), None, "{other}");
        }
    }

    #[test]
    fn digits_are_raised_or_not_at_all() {
        assert_eq!(raised("-12").as_deref(), Some("⁻¹²"));
        assert_eq!(raised("2n"), None);
        assert_eq!(lowered("10").as_deref(), Some("₁₀"));
    }
}
