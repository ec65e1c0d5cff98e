//! Checks of sums: what the manifest and the report say of the rows is what the rows say.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
};

use crossic_operators::{record::Digest, reject::Reason, segment::Segment, wikitext::KINDS};
use serde::Deserialize;

use super::check::Check;
use crate::{
    cli::corpus::Corpus,
    error::Result,
    manifest::{FORMAT, Manifest},
    report::{
        Report,
        numbers::counted,
        residue::{LanguageResidue, ResidueSums},
        statistics::{Counter, Statistics},
    },
    store::{StoreError, row::Row, tables::ArticleRow},
};

/// What the rows add up to, shard by shard.
#[derive(Default)]
pub(super) struct Counted {
    counter: Counter,
    statistics: Statistics,
    shards: Vec<Statistics>,
}

impl Counted {
    /// Starts a shard.
    pub(super) fn start_shard(&mut self) {
        self.counter = Counter::default();
    }

    /// Adds a row of a corpus with segments of at most `n` tokens.
    pub(super) fn add(&mut self, segment: &Segment, n: u64) {
        // A span that ends before it starts is reported elsewhere, and cannot be counted.
        if segment.spans.iter().all(|span| span.token_start <= span.token_end) {
            self.counter.add(segment, n);
        }
    }

    /// Ends a shard.
    pub(super) fn finish_shard(&mut self) {
        let statistics = std::mem::take(&mut self.counter).finish();
        self.statistics.merge(&statistics);
        self.shards.push(statistics);
    }
}

/// Returns the check of what the manifest says of itself.
pub(super) fn manifest(corpus: &Corpus) -> Check {
    let mut check = Check::new("manifest", "statement");
    let manifest = &corpus.manifest;
    check.equal("`format`", u64::from(manifest.format), u64::from(FORMAT));
    let plan_digest = manifest.plan.digest().to_string();
    check.equal("`plan_digest`", manifest.plan_digest.as_str(), plan_digest.as_str());
    let corpus_digest = corpus_digest(manifest).to_string();
    check.equal("`corpus_digest`", manifest.corpus_digest.as_str(), corpus_digest.as_str());
    check
}

/// Returns the digest of the shards: their names carry the hashes of their content.
fn corpus_digest(manifest: &Manifest) -> Digest {
    let files: Vec<&[u8]> = manifest.shards.iter().map(|shard| shard.file.as_bytes()).collect();
    Digest::of_fields(&files)
}

/// Returns the checks of all sums.
pub(super) fn check(corpus: &Corpus, counted: &Counted) -> Vec<Check> {
    let mut checks = Vec::new();
    let has_tokens = corpus.has_tokens();
    checks.extend(has_tokens.then(|| totals(corpus, counted)));
    match read_report(corpus) {
        Err(error) => {
            let mut check = Check::new("report", "file");
            check.see(Some(|| error.to_string()));
            checks.push(check);
        }
        Ok(report) => {
            checks.extend(has_tokens.then(|| statistics(&report.statistics, &counted.statistics)));
            checks.extend(residue(corpus, &report));
            checks.push(ledger(&report));
            checks.push(rejects(corpus, &report));
        }
    }
    checks
}

fn read_report(corpus: &Corpus) -> Result<Report> {
    let path = corpus.report_path();
    let text = fs_err::read_to_string(&path)?;
    serde_json::from_str(&text)
        .map_err(|cause| StoreError::damaged(&path, cause.to_string()).into())
}

fn totals(corpus: &Corpus, counted: &Counted) -> Check {
    let mut check = Check::new("totals", "sum");
    let (totals, found) = (&corpus.manifest.totals, &counted.statistics);
    check.equal("`totals.pairs` of the manifest", totals.pairs, found.pairs);
    check.equal("`totals.rows` of the manifest", totals.rows, found.rows);
    check.equal("`totals.tokens` of the manifest", totals.tokens, found.tokens);
    for (shard, found) in corpus.manifest.shards.iter().zip(&counted.shards) {
        check.equal(&format!("`rows` of shard {}", shard.file), shard.rows, found.rows);
        check.equal(&format!("`tokens` of shard {}", shard.file), shard.tokens, found.tokens);
    }
    check
}

/// Compares field by field, so that a difference is named.
fn statistics(reported: &Statistics, counted: &Statistics) -> Check {
    let mut check = Check::new("statistics", "figure");
    let mut expected = Statistics::default();
    expected.merge(counted);
    // Comparing tokens with those of the whole text takes the text: what the build found stands.
    expected.compared_rows = reported.compared_rows;
    expected.differing_rows = reported.differing_rows;
    let mut found = Statistics::default();
    found.merge(reported);
    let fields = |statistics: &Statistics| match serde_json::to_value(statistics) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => unreachable!("statistics are a plain struct"),
    };
    let found = fields(&found);
    for (name, expected) in fields(&expected) {
        let found = found.get(&name).cloned().unwrap_or_default();
        check.equal(&format!("`{name}` of the report"), found, expected);
    }
    check
}

/// Compares what is left in articles with what their rows say, if this corpus keeps the rows.
fn residue(corpus: &Corpus, report: &Report) -> Option<Check> {
    let mut check = Check::new("residue", "figure");
    let mut sums: BTreeMap<&str, ResidueSums> = BTreeMap::new();
    for (name, source) in &corpus.manifest.sources {
        let mut add = || -> Result<()> {
            let Some(rows) = corpus.snapshot::<ArticleRow>(name)? else { return Ok(()) };
            for row in rows {
                let row = row?;
                if row.state == "text" {
                    sums.entry(&source.info.lang).or_default().add(&row.residue);
                }
            }
            Ok(())
        };
        if let Err(error) = add() {
            check.problem(error.to_string());
        }
    }
    let manifest = &corpus.manifest;
    let has_rows = manifest.snapshots.iter().any(|it| it.table == ArticleRow::TABLE);
    let summed: BTreeMap<&str, LanguageResidue> =
        sums.iter().map(|(lang, sums)| (*lang, sums.finish())).collect();
    let languages: BTreeSet<&str> =
        report.residue.keys().map(String::as_str).chain(summed.keys().copied()).collect();
    for lang in languages {
        let [found, expected] = [report.residue.get(lang), summed.get(lang)];
        compare(&mut check, lang, found, expected);
    }
    // Rows of an earlier layout do not say what is left, and neither does their report.
    (has_rows && manifest.is_of_this_layout()).then_some(check)
}

fn compare(
    check: &mut Check,
    lang: &str,
    found: Option<&LanguageResidue>,
    expected: Option<&LanguageResidue>,
) {
    let articles = |of: Option<&LanguageResidue>| of.map_or(0, |it| it.articles);
    check.equal(
        &format!("`residue.{lang}.articles` of the report"),
        articles(found),
        articles(expected),
    );
    for kind in KINDS {
        let of = |it: Option<&LanguageResidue>| {
            it.and_then(|it| it.kinds.get(kind)).copied().unwrap_or_default()
        };
        let (found, expected) = (of(found), of(expected));
        let place = format!("`residue.{lang}.kinds.{kind}` of the report");
        check.see((found != expected).then_some(|| {
            format!(
                "{place} is {} in {}, not {} in {}",
                found.total,
                counted(found.articles, "article"),
                expected.total,
                counted(expected.articles, "article")
            )
        }));
    }
}

fn ledger(report: &Report) -> Check {
    let mut check = Check::new("ledger", "line");
    for line in &report.ledger {
        let place = format!("{}: the sum of what became of {}", line.stage, line.what);
        check.equal(&place, line.out.values().sum::<u64>(), line.incoming);
    }
    check
}

/// The two fields that every reject has.
#[derive(Deserialize)]
struct Refused {
    stage: String,
    reason: String,
}

fn rejects(corpus: &Corpus, report: &Report) -> Check {
    let mut check = Check::new("rejects", "reject");
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    let files = corpus.manifest.files.keys();
    for file in files.filter(|it| it.starts_with("rejects/") && it.ends_with(".jsonl")) {
        let path = corpus.dir.join(file);
        let lines = match fs_err::File::open(&path) {
            Ok(file) => BufReader::new(file).lines(),
            Err(error) => {
                check.problem(error.to_string());
                continue;
            }
        };
        for (line, number) in lines.zip(1_u64..) {
            let read = line.map_err(|cause| cause.to_string());
            let read = read.and_then(|line| {
                serde_json::from_str::<Refused>(&line).map_err(|cause| cause.to_string())
            });
            check.n_checked += 1;
            match read {
                Ok(refused) => *sums.entry((refused.stage, refused.reason)).or_default() += 1,
                Err(cause) => {
                    check.problem(format!("`{}`, line {number}: {cause}", path.display()));
                    break;
                }
            }
        }
    }
    let mut reported: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (stage, reasons) in &report.rejects {
        for (reason, n) in reasons {
            reported.insert((stage.clone(), reason.clone()), *n);
        }
    }
    let keys: BTreeSet<_> = reported.keys().chain(sums.keys()).collect();
    for key in keys {
        let [listed, said] = [&sums, &reported].map(|it| it.get(key).copied().unwrap_or_default());
        // A link that is there many times is listed once.
        let repeats = key.1 == Reason::DuplicateLink.name() && 0 < listed && listed < said;
        if listed != said && !repeats {
            let (stage, reason) = key;
            check.problem(format!("{stage}: {listed} listed as {reason}, but {said} reported"));
        }
    }
    check
}

#[cfg(test)]
mod tests {
    use crossic_operators::wikitext::{ArticleResidue, Residue};

    use super::*;
    use crate::report::ledger::Line;

    #[test]
    fn a_figure_that_differs_is_named() {
        let counted = Statistics { rows: 3, ..Statistics::default() };
        let reported = Statistics { rows: 4, compared_rows: 2, ..Statistics::default() };
        assert!(statistics(&counted, &counted).ok());
        let check = statistics(&reported, &counted);
        assert_eq!(check.problems, ["`rows` of the report is 4, not 3"]);
    }

    #[test]
    fn residue_that_differs_is_named() {
        let left = |n_articles: u64| {
            let mut sums = ResidueSums::default();
            (0..n_articles).for_each(|_| {
                sums.add(&ArticleResidue::new(&Residue { tags: 2, ..Residue::default() }, 0));
            });
            sums.finish()
        };
        let problems = |found: Option<u64>, expected: Option<u64>| {
            let mut check = Check::new("residue", "figure");
            let [found, expected] = [found, expected].map(|it| it.map(left));
            compare(&mut check, "th", found.as_ref(), expected.as_ref());
            assert_eq!(check.n_checked, 1 + KINDS.len() as u64);
            check.problems
        };
        assert!(problems(Some(2), Some(2)).is_empty());
        let kind = "`residue.th.kinds.tags` of the report is";
        assert_eq!(
            problems(Some(1), Some(2)),
            [
                "`residue.th.articles` of the report is 1, not 2".to_owned(),
                format!("{kind} 2 in 1 article, not 4 in 2 articles"),
            ]
        );
        assert_eq!(problems(None, Some(1)).len(), 2);
    }

    #[test]
    fn a_ledger_that_loses_something_is_a_problem() {
        let line = |incoming| Line::new("pairs", "links (th)", incoming, [("resolved", 3)]);
        let check =
            |incoming| ledger(&Report { ledger: vec![line(incoming)], ..Report::default() });
        assert!(check(3).ok());
        assert_eq!(check(4).n_problems, 1);
    }
}
