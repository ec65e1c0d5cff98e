//! Which English titles say what an article is about, and which only date or measure something.

/// Names of months and days of the week.
const CALENDAR: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Words of titles that name a span of time when a number or nothing else stands beside them.
const SPANS: &[&str] = &[
    "ad",
    "bc",
    "bce",
    "ce",
    "ah",
    "century",
    "centuries",
    "decade",
    "millennium",
    "year",
    "years",
    "day",
    "month",
    "week",
    "hour",
    "minute",
    "second",
    "leap",
    "common",
    "anno",
    "domini",
    "era",
    "gregorian",
    "julian",
    "calendar",
];

/// Single words that name units, with or without a prefix such as kilo.
const UNITS: &[&str] = &[
    "metre",
    "meter",
    "gram",
    "litre",
    "liter",
    "tonne",
    "watt",
    "joule",
    "volt",
    "ampere",
    "ohm",
    "hertz",
    "pascal",
    "newton",
    "kelvin",
    "mole",
    "candela",
    "lumen",
    "lux",
    "byte",
    "bit",
    "calorie",
    "parsec",
    "bar",
    "electronvolt",
];

/// Prefixes of the units above.
const PREFIXES: &[&str] = &[
    "", "deca", "hecto", "kilo", "mega", "giga", "tera", "peta", "exa", "deci", "centi", "milli",
    "micro", "nano", "pico", "kibi", "mebi", "gibi",
];

/// Other titles that only measure: units without prefixes, coordinates, directions of the compass.
const MEASURES: &[&str] = &[
    "acre",
    "hectare",
    "are",
    "inch",
    "foot",
    "yard",
    "mile",
    "nautical mile",
    "pound",
    "ounce",
    "ton",
    "short ton",
    "long ton",
    "gallon",
    "barrel",
    "pint",
    "fahrenheit",
    "celsius",
    "degree celsius",
    "degree fahrenheit",
    "degree",
    "horsepower",
    "knot",
    "light-year",
    "astronomical unit",
    "percent",
    "percentage",
    "per mille",
    "metre above sea level",
    "metres above sea level",
    "above mean sea level",
    "kilowatt-hour",
    "miles per hour",
    "kilometres per hour",
    "metre per second",
    "kilometres per second",
    "cubic foot",
    "cubic inch",
    "cubic centimetre",
    "square foot",
    "square inch",
    "square mile",
    "square yard",
    "geographic coordinate system",
    "latitude",
    "longitude",
    "north",
    "south",
    "east",
    "west",
    "international standard book number",
    "isbn",
    "issn",
    "digital object identifier",
    "utc",
    "coordinated universal time",
    "time zone",
];

/// Returns whether an English title may be a keyword: not a date, a number, a unit, a list or a
/// page of meanings.
///
/// ```
/// use crossic_operators::retrieve::keywords::is_content;
/// assert!(is_content("Asian elephant") && is_content("1984 (novel)") && is_content("March (music)"));
/// assert!(!is_content("1984") && !is_content("5 March") && !is_content("Square kilometre"));
/// ```
pub fn is_content(english: &str) -> bool {
    let title = english.trim().to_lowercase();
    let is_empty = !title.chars().any(char::is_alphabetic);
    let is_list = ["list of ", "lists of ", "index of ", "outline of ", "timeline of "]
        .iter()
        .any(|start| title.starts_with(start));
    let is_sorting = title.ends_with("(disambiguation)");
    !(is_empty || is_list || is_sorting || is_date(&title) || is_measure(&title))
}

/// Whether a title in lower case names a day, a year, a century or what happened in a year.
fn is_date(title: &str) -> bool {
    let (rest, is_year_page) = match title.split_once(" in ") {
        // "1994 in film", "1990s in music", "2020s in the United Kingdom".
        Some((head, _)) if is_number(head) => (head, true),
        _ => (title, false),
    };
    let is_time = |word: &str| {
        is_number(word) || CALENDAR.contains(&word) || SPANS.contains(&word) || word == "in"
    };
    let parts = |c: char| c.is_whitespace() || matches!(c, ',' | '-' | '–' | '.');
    let words = || rest.split(parts).filter(|word| !word.is_empty());
    is_year_page || words().all(is_time)
}

/// Whether a word is a number, perhaps with an ending: "1980s", "19th", "300".
fn is_number(word: &str) -> bool {
    let ends = word.trim_start_matches(char::is_numeric);
    ends.len() < word.len() && matches!(ends, "" | "s" | "st" | "nd" | "rd" | "th")
}

/// Whether a title in lower case names a unit or a way of measuring.
fn is_measure(title: &str) -> bool {
    if MEASURES.contains(&title)
        || title.ends_with("(unit)")
        || title.starts_with("orders of magnitude")
    {
        return true;
    }
    let unit = ["square ", "cubic "].iter().find_map(|start| title.strip_prefix(start));
    let unit = unit.unwrap_or(title);
    let is_unit = |name: &str| {
        UNITS
            .iter()
            .any(|base| name.strip_suffix(base).is_some_and(|prefix| PREFIXES.contains(&prefix)))
    };
    // "Metre per second", "kilogram per cubic metre".
    unit.split(" per ").all(|part| {
        let part = part.strip_prefix("cubic ").or(part.strip_prefix("square ")).unwrap_or(part);
        is_unit(part) || matches!(part, "second" | "hour" | "minute")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_numbers_units_and_lists_are_no_content() {
        for title in [
            "1984",
            "44 BC",
            "AD 79",
            "1980s",
            "19th century",
            "3rd millennium BC",
            "5 January",
            "January 5",
            "May",
            "Monday",
            "1994 in film",
            "1990s in music",
            "2",
            "100,000",
            "March 2020",
            "Year",
            "Common Era",
            "Julian calendar",
            "Anno Domini",
            "12-14",
            "",
            "Metre",
            "Kilometre",
            "Square kilometre",
            "Kilogram",
            "Cubic metre",
            "Metre per second",
            "Hectare",
            "Degree Celsius",
            "Megabyte",
            "Kilogram per cubic metre",
            "Foot (unit)",
            "List of elephants",
            "Lists of films",
            "Mercury (disambiguation)",
            "ISBN",
            "Latitude",
            "१९८४",
        ] {
            assert!(!is_content(title), "{title}");
        }
    }

    #[test]
    fn everything_else_is() {
        for title in [
            "Elephant",
            "Mercury (planet)",
            "2001: A Space Odyssey",
            "1984 (novel)",
            "World War II",
            "Second",
            "Apollo 11",
            "7-Eleven",
            "Parking meter",
            "Barium",
            "Telegram",
            "Diagram",
            "ช้าง",
            "象",
            "Thermometer",
            "2020 Summer Olympics",
            "Maya civilization",
            "March (music)",
            "U2",
        ] {
            // A second is a unit; everything else here is content.
            assert_eq!(is_content(title), title != "Second", "{title}");
        }
    }

    proptest! {
        #[test]
        fn any_title_is_judged(title in ".{0,30}", number: u32, word in "[A-Z][a-z]{6,9}z") {
            is_content(&title);
            let year = number.to_string();
            prop_assert!(!is_content(&year));
            prop_assert!(is_content(&word));
        }
    }
}
