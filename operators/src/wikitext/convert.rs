//! Values with units and dates: `{{convert}}` without conversion, and `{{as of}}`.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::args::Args;
use super::facts;
use super::marks::FOOT;
use super::render::Renderer;

/// Unit codes and how they are written; some pages have thousands.
static UNITS: OnceLock<FxHashMap<&'static str, &'static str>> = OnceLock::new();

/// Words between the two values of a range, and how they are written.
const RANGES: &[(&str, &str)] = &[
    ("-", "–"),
    ("–", "–"),
    ("&ndash;", "–"),
    ("to", " to "),
    ("and", " and "),
    ("or", " or "),
    ("by", " by "),
    ("x", " × "),
    ("×", " × "),
    ("*", " × "),
    ("+/-", " ± "),
    ("±", " ± "),
    ("to(-)", " to "),
    ("to about", " to about "),
    ("and(-)", " and "),
    (",", ", "),
    ("xx", " × "),
    ("&", " & "),
    ("đến", " đến "),
    ("и", " и "),
];

/// Names of the months in English.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Renderer<'_> {
    /// Writes value and unit as the page gives them.
    pub(super) fn convert(&mut self, args: &Args<'_>, next: usize) {
        let texts: Vec<_> = (1..=6)
            .map(|number| args.positional(number).and_then(|span| self.flat(span)))
            .collect();
        let text = |index: usize| texts.get(index).and_then(Option::as_deref).map(str::trim);
        let Some(value) = text(0) else {
            return match args.positional(1) {
                Some(span) => self.render(span),
                None => self.seam(FOOT, next),
            };
        };
        let mut out = value.to_owned();
        let mut index = 1;
        while let (Some(word), Some(other)) = (text(index), text(index + 1)) {
            let Some((_, range)) = RANGES.iter().find(|(known, _)| *known == word) else {
                break;
            };
            out.push_str(range);
            out.push_str(other);
            index += 2;
        }
        if let Some(code) = text(index) {
            push_unit(&mut out, code);
            // Feet and inches: a second value with a unit of its own.
            if let (Some(value), Some(code)) = (text(index + 1), text(index + 2))
                && value.starts_with(|c: char| c.is_ascii_digit())
                && code.starts_with(|c: char| c.is_ascii_alphabetic())
                && matches!(code, "in" | "oz" | "lb" | "ft" | "yd" | "chain" | "min")
            {
                out.push(' ');
                out.push_str(value);
                push_unit(&mut out, code);
            }
        }
        self.draft.text.push_str(&out);
    }

    /// Writes "as of" and a date.
    pub(super) fn as_of(&mut self, lang: &str, args: &Args<'_>) {
        if let Some(span) = args.named("alt") {
            return self.render(span);
        }
        let part = |number| args.positional(number).and_then(|span| self.flat(span));
        let (year, month, day) = (part(1), part(2), part(3));
        let (year, day) = (year.unwrap_or_default(), day.unwrap_or_default());
        let number = month.as_deref().and_then(|month| month.trim().parse::<usize>().ok());
        let name = number.and_then(|number| MONTHS.get(number.checked_sub(1)?)).copied();
        let month = month.unwrap_or_default();
        let words: [&str; 4] =
            match (lang, args.named("since").is_some(), args.named("lc").is_some()) {
                ("vi", _, true) => ["tính đến", "", "", ""],
                ("vi", ..) => ["Tính đến", "", "", ""],
                (_, true, true) => ["since", &day, name.unwrap_or(&month), &year],
                (_, true, false) => ["Since", &day, name.unwrap_or(&month), &year],
                (_, false, true) => ["as of", &day, name.unwrap_or(&month), &year],
                (_, false, false) => ["As of", &day, name.unwrap_or(&month), &year],
            };
        let mut out =
            words.iter().copied().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        if lang == "vi" {
            for (word, value) in [("ngày", &day), ("tháng", &month), ("năm", &year)] {
                if !value.is_empty() {
                    out.push_str(&format!(" {word} {value}"));
                }
            }
        }
        self.draft.text.push_str(&out);
    }
}

/// Adds a unit to a value: a factor such as `e6` becomes a word, a trailing 2 or 3 a raised digit.
fn push_unit(out: &mut String, code: &str) {
    let factors = [("e12", "trillion"), ("e9", "billion"), ("e6", "million"), ("e3", "thousand")];
    let factor = factors.iter().find_map(|(short, word)| Some((code.strip_prefix(short)?, *word)));
    let (code, factor) = match factor {
        Some((rest, word)) => (rest, Some(word)),
        None => (code, None),
    };
    if let Some(word) = factor {
        out.push(' ');
        out.push_str(word);
    }
    if let Some(text) = UNITS.get_or_init(|| facts::units().collect()).get(code) {
        if !text.starts_with('°') || text.len() > 2 {
            out.push(' ');
        }
        out.push_str(text);
        return;
    }
    out.push(' ');
    let mut before = ' ';
    for c in code.chars() {
        out.push(match c {
            '2' if before.is_alphabetic() => '²',
            '3' if before.is_alphabetic() => '³',
            c => c,
        });
        before = c;
    }
}
