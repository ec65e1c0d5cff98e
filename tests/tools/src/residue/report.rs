//! The table of residue by wiki, and whether the gates hold.

use super::measure::Found;

/// Most of each kind of residue per 1,000 articles.
const GATES: &[(&str, f64)] = &[
    ("brackets", 10.0),
    ("braces", 5.0),
    ("tags", 40.0),
    ("quotes", 25.0),
    ("prefixes", 20.0),
    ("parentheses", 100.0),
];
/// Most holes in the middle of sentences per article.
const MAX_HOLES: f64 = 1.5;

/// Returns the lines about a dump: counts per 1,000 articles, `!` behind those over their gate.
pub fn lines(found: &Found, n_unknown: usize) -> Vec<String> {
    let articles = (found.n_articles as f64).max(1.0);
    let megabytes = found.n_bytes as f64 / 1e6;
    let seconds = found.nanoseconds as f64 / 1e9;
    let speed = if 0.0 < seconds { megabytes / seconds } else { 0.0 };
    let holes = found.n_holes as f64 / articles;
    let mark = |is_over| if is_over { "!" } else { "" };
    let mut head = format!(
        "{}: {} articles, {megabytes:.1} MB, {speed:.0} MB/s; holes an article {holes:.2}{}; per 1,000:",
        found.lang,
        found.n_articles,
        mark(MAX_HOLES < holes),
    );
    for (name, rate) in rates(found) {
        head.push_str(&format!(" {name} {rate:.0}{}", mark(is_over(name, rate))));
    }
    let mut unknown: Vec<_> = found.unknown.iter().collect();
    unknown.sort_by_key(|(name, (count, _))| (std::cmp::Reverse(*count), *name));
    let rows = unknown.into_iter().take(n_unknown);
    let rows = rows.map(|(name, (count, example))| format!("  {count}\t{name}\t{example}"));
    std::iter::once(head).chain(rows).collect()
}

/// Returns whether a dump passes every gate.
pub fn passes(found: &Found) -> bool {
    let holes = found.n_holes as f64 / (found.n_articles as f64).max(1.0);
    holes <= MAX_HOLES && !rates(found).iter().any(|(name, rate)| is_over(name, *rate))
}

fn rates(found: &Found) -> Vec<(&'static str, f64)> {
    let articles = (found.n_articles as f64).max(1.0);
    let counts = found.residue.counts().into_iter();
    counts.map(|(name, count)| (name, 1000.0 * count as f64 / articles)).collect()
}

fn is_over(name: &str, rate: f64) -> bool {
    GATES.iter().any(|(gate, most)| *gate == name && *most < rate)
}

#[cfg(test)]
mod tests {
    use crossic_operators::wikitext::Residue;

    use super::*;

    #[test]
    fn a_count_over_its_gate_is_marked() {
        let residue = Residue { brackets: 3, tags: 1, ..Residue::default() };
        let found = Found {
            lang: "th".to_owned(),
            n_articles: 200,
            n_holes: 100,
            residue,
            unknown: [("x".to_owned(), (2, "{{x}}".to_owned()))].into(),
            ..Found::default()
        };
        let lines = lines(&found, 5);
        assert!(lines[0].contains("brackets 15! braces 0 tags 5 "), "{}", lines[0]);
        assert!(lines[0].contains("holes an article 0.50;"));
        assert_eq!(lines[1], "  2\tx\t{{x}}");
        assert!(!passes(&found));
        assert!(passes(&Found { residue: Residue::default(), ..found.clone() }));
        assert!(!passes(&Found { residue: Residue::default(), n_holes: 400, ..found }));
    }
}
