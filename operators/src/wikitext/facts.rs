//! The tables of facts about the wikis, as the data files in `tables` hold them.

/// Languages with tables of their own.
const LANGUAGES: &[(&str, &str)] = &[
    ("ar", include_str!("tables/ar.tsv")),
    ("en", include_str!("tables/en.tsv")),
    ("es", include_str!("tables/es.tsv")),
    ("ja", include_str!("tables/ja.tsv")),
    ("ko", include_str!("tables/ko.tsv")),
    ("pt", include_str!("tables/pt.tsv")),
    ("th", include_str!("tables/th.tsv")),
    ("vi", include_str!("tables/vi.tsv")),
    ("zh", include_str!("tables/zh.tsv")),
];

const COMMON: &str = include_str!("tables/common.tsv");
const NAMESPACES: &str = include_str!("tables/namespaces.tsv");
const PREFIXES: &str = include_str!("tables/prefixes.tsv");
const SECTIONS: &str = include_str!("tables/sections.tsv");
const COUNTRIES: &str = include_str!("tables/countries.tsv");
const DATES: &str = include_str!("tables/dates.tsv");
const NUMBERS: &str = include_str!("tables/numbers.tsv");
const LANGUAGE_NAMES: &str = include_str!("tables/languages.tsv");
const UNITS: &str = include_str!("tables/units.tsv");
const ENTITIES: &str = include_str!("tables/entities.tsv");

/// Returns the fields of each row; lines that begin with `# ` are comments.
fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with("# ") && !line.is_empty()).map(|line| {
        let mut fields = line.splitn(3, '\t');
        let mut next = || fields.next().unwrap_or_default();
        (next(), next(), next())
    })
}

/// Returns the template rows (name, action, argument) of a wiki, later ones overriding earlier ones.
pub(super) fn templates(
    lang: &str,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let table = |wanted: &str| {
        LANGUAGES.iter().find(|(lang, _)| *lang == wanted).map_or("", |&(_, table)| table)
    };
    let own = if lang == "en" { "" } else { table(lang) };
    rows(COMMON).chain(rows(table("en"))).chain(rows(own))
}

/// Returns the template rows of all wikis, for tests of the tables.
#[cfg(test)]
pub(super) fn common_templates() -> impl Iterator<Item = (&'static str, &'static str, &'static str)>
{
    rows(COMMON)
}

/// Returns the template rows of every language, for tests of the tables.
#[cfg(test)]
pub(super) fn all_templates() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    rows(COMMON).chain(LANGUAGES.iter().flat_map(|&(_, table)| rows(table)))
}

/// Returns the tables of templates with their languages, for tests of the tables.
#[cfg(test)]
pub(super) fn tables() -> impl Iterator<Item = (&'static str, &'static str)> {
    LANGUAGES.iter().copied().chain([("common", COMMON)])
}

/// Returns number and lower-case name of the namespaces that every wiki gets.
pub(super) fn namespaces() -> impl Iterator<Item = (i32, &'static str)> {
    rows(NAMESPACES).filter_map(|(number, name, _)| Some((number.parse().ok()?, name)))
}

/// Returns the interwiki prefixes and whether each leads to another language edition.
pub(super) fn prefixes() -> impl Iterator<Item = (bool, &'static str)> {
    rows(PREFIXES).map(|(kind, name, _)| (kind == "l", name))
}

/// Returns the titles of sections that are no prose, those of a language and the English ones.
pub(super) fn sections(lang: &str) -> impl Iterator<Item = &'static str> {
    rows(SECTIONS).filter(move |(of, ..)| *of == "en" || *of == lang).map(|(_, title, _)| title)
}

/// Returns the unit codes of `{{convert}}` and how they are written.
pub(super) fn units() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(UNITS).map(|(code, text, _)| (code, text))
}

/// Returns the codes of countries with their names in a language, in English where it has no column.
pub(super) fn countries(lang: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    names(COUNTRIES, lang).flat_map(|(codes, name)| codes.split('|').map(move |code| (code, name)))
}

/// Returns the codes of languages with their names in a language, in English where it has no column.
pub(super) fn languages(lang: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    names(LANGUAGE_NAMES, lang)
        .flat_map(|(codes, name)| codes.split('|').map(move |code| (code, name)))
}

/// Returns the English names of countries with their names in a language.
pub(super) fn english_countries(lang: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let english = names(COUNTRIES, "en").map(|(_, name)| name);
    english.zip(names(COUNTRIES, lang).map(|(_, name)| name))
}

/// Returns the first column of a table with the column of a language; the comment names the columns.
fn names(
    table: &'static str,
    lang: &str,
) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let header = table.lines().next().and_then(|line| line.rsplit_once(" in ")).unwrap_or_default();
    let place = |lang: &str| header.1.split(", ").position(|name| name == lang);
    let column = place(lang).or_else(|| place("en")).unwrap_or_default();
    table.lines().skip(1).filter_map(move |row| {
        let mut fields = row.split('\t');
        Some((fields.next()?, fields.nth(column)?))
    })
}

/// Returns language, pattern and months of the ways to write a date.
pub(super) fn dates() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    rows(DATES)
}

/// Returns language, marks and first grouped length of the ways to write a number.
pub(super) fn numbers() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    rows(NUMBERS)
}

/// Returns name and character of the named entities.
pub(super) fn entities() -> impl Iterator<Item = (&'static str, char)> {
    rows(ENTITIES).filter_map(|(name, code, _)| {
        let code = u32::from_str_radix(code, 16).ok()?;
        Some((name, char::from_u32(code)?))
    })
}
