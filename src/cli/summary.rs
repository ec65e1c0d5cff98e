//! What a build did, for the person who started it.

use std::{io::Write, time::Duration};

use serde_json::json;

use crate::{clock, error::Result, report::numbers::thousands, runtime::Built, work::Work};

/// Writes the results as one JSON document.
pub(super) fn json(out: &mut impl Write, built: &[Built]) -> Result<()> {
    let corpora: Vec<_> = built
        .iter()
        .map(|built| {
            json!({
                "sink": built.sink,
                "dir": built.dir,
                "corpus_digest": built.manifest.corpus_digest,
                "totals": built.manifest.totals,
                "report": built.report,
                "work": built.work,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&corpora)
        .unwrap_or_else(|_| unreachable!("a report is plain data"));
    Ok(writeln!(out, "{text}")?)
}

/// Writes the results for a person.
pub(super) fn text(out: &mut impl Write, built: &[Built], elapsed: Duration) -> Result<()> {
    for built in built {
        let (manifest, report) = (&built.manifest, &built.report);
        let statistics = &report.statistics;
        writeln!(out, "{}: {} in {:.1} s", built.sink, built.dir.display(), elapsed.as_secs_f64())?;
        for line in &report.ledger {
            let out_names: Vec<String> =
                line.out.iter().map(|(name, n)| format!("{} {name}", thousands(*n))).collect();
            writeln!(
                out,
                "  {:<12} {:>12} {:<32} -> {}",
                line.stage,
                thousands(line.incoming),
                line.what,
                out_names.join(", ")
            )?;
        }
        writeln!(
            out,
            "  {} {} of {} pairs in {} shards, {} tokens, {:.1} % of N = {} filled",
            thousands(statistics.rows),
            row_name(manifest),
            thousands(statistics.pairs),
            manifest.shards.len(),
            thousands(statistics.tokens),
            100.0 * statistics.fill(),
            manifest.tokens,
        )?;
        let languages: Vec<String> = statistics
            .tokens_by_language
            .iter()
            .map(|(lang, n)| format!("{lang} {}", thousands(*n)))
            .collect();
        writeln!(
            out,
            "  tokens by language: {}; {:.1} % in rows of one language; {} rows with a cut paragraph",
            languages.join(", "),
            100.0 * statistics.one_language_share(),
            thousands(statistics.cut_rows),
        )?;
        if 0 < statistics.differing_rows {
            writeln!(
                out,
                "  {} of {} compared rows tokenise differently as a whole",
                statistics.differing_rows, statistics.compared_rows
            )?;
        }
        for (n, text) in [
            (built.work.places_damaged, "damaged places of article files, passed over"),
            (built.work.bytes_damaged, "bytes of article files without text because of damage"),
            (built.work.pages_truncated, "pages cut off at the end of a file, left out"),
            (built.work.pages_malformed, "malformed pages, left out"),
            (built.work.pages_not_utf8, "pages with bytes that are not UTF-8, replaced by U+FFFD"),
        ] {
            if n != 0 {
                writeln!(out, "  note: {n} {text}")?;
            }
        }
        work(out, &built.work)?;
        for note in &report.notes {
            writeln!(out, "  note: {note}")?;
        }
        writeln!(out, "look at it: crossic inspect {}", built.dir.display())?;
    }
    Ok(())
}

/// Writes what was taken from the last build, if anything was.
fn work(out: &mut impl Write, work: &Work) -> Result<()> {
    let saved = work.pairs_copied + work.pairs_kept + work.pages_kept;
    if saved == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "  of the last build: {} pairs kept, {} copied ({} with another revision), {} split anew; \
         {} pages not read again, {} cleaned",
        thousands(work.pairs_kept),
        thousands(work.pairs_copied),
        thousands(work.pairs_restamped),
        thousands(work.pairs_split),
        thousands(work.pages_kept),
        thousands(work.pages_cleaned),
    )?;
    Ok(())
}

/// Writes where the workers' time went.
pub(super) fn times(out: &mut impl Write, workers: usize) -> Result<()> {
    let seconds = clock::seconds();
    let total: f64 = seconds.iter().map(|(_, seconds)| seconds).sum();
    writeln!(out, "time of {workers} workers, dataflow apart: {total:.1} s")?;
    for (name, seconds) in seconds {
        writeln!(
            out,
            "  {name:<14} {seconds:>8.2} s {:>5.1} %",
            100.0 * seconds / total.max(1e-9)
        )?;
    }
    Ok(())
}

fn row_name(manifest: &crate::manifest::Manifest) -> &'static str {
    match manifest.rows {
        crate::manifest::RowKind::Segments => "segments",
        crate::manifest::RowKind::Documents => "documents",
    }
}
