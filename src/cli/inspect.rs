//! `crossic inspect`: rows of a corpus as a person reads them, with where every token came from.

use std::{collections::BTreeSet, io::Write, path::PathBuf};

use crossic_operators::{
    record::{Digest, Origin},
    segment::{Segment, Span},
    vocabulary::Vocabulary,
};
use serde_json::json;

use super::{
    corpus::Corpus,
    output::{self, print, quoted, visible},
    page_name::PageName,
};
use crate::{
    error::{Error, Result},
    manifest::RowKind,
    report::numbers::{counted, percent, thousands},
};

/// Show rows of a corpus, readable, with where each came from
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crossic inspect out/sample\n  \
                        crossic inspect out/sample --page en:Elephant -n 10\n  \
                        crossic inspect out/sample --segment 3f9a --json")]
pub(super) struct Args {
    /// Corpus directory: the `dir` of a sink
    dir: PathBuf,
    /// Show the rows whose id starts with these hexadecimal digits
    #[arg(long, value_name = "ID", group = "choice")]
    segment: Option<String>,
    /// Show the rows of the pairs whose id starts with these hexadecimal digits
    #[arg(long, value_name = "ID", group = "choice")]
    pair: Option<String>,
    /// Show the rows that hold text of a page: `en:Elephant`, `en:1007` or a bare title; or of a web
    /// document: its address, or its id
    #[arg(long, value_name = "PAGE", group = "choice")]
    page: Option<String>,
    /// Show the first rows instead of some from all over the corpus
    #[arg(long, group = "choice")]
    first: bool,
    /// Show at most this many rows
    #[arg(short = 'n', long, value_name = "ROWS", default_value_t = 3)]
    count: u64,
    /// Pick other rows
    #[arg(long, default_value_t = 32)]
    seed: u64,
    /// Write one JSON object a line, texts included
    #[arg(long)]
    json: bool,
    /// Leave out colours even on a terminal
    #[arg(long)]
    plain: bool,
}

/// Which rows are meant.
enum Choice {
    /// Positions in the corpus.
    Positions(BTreeSet<u64>),
    /// Rows whose id starts so.
    Segment(String),
    /// Rows whose pair's id starts so.
    Pair(String),
    /// Rows with text of a page.
    Page(PageName),
}

impl Choice {
    fn takes(&self, position: u64, segment: &Segment) -> bool {
        match self {
            Choice::Positions(positions) => positions.contains(&position),
            Choice::Segment(prefix) => segment.id.to_string().starts_with(prefix),
            Choice::Pair(prefix) => segment.pair.to_string().starts_with(prefix),
            Choice::Page(name) => segment.spans.iter().any(|it| name.names_span(it)),
        }
    }
}

/// Runs `crossic inspect`.
///
/// # Errors
///
/// The corpus cannot be read, or holds no such row.
pub(super) fn run(args: &Args) -> Result<()> {
    let corpus = Corpus::open(&args.dir)?;
    let choice = choice(args, &corpus)?;
    let vocabulary = corpus.vocabulary()?;
    let colour = !args.plain && output::wants_colour();
    let show = Show { corpus: &corpus, vocabulary: &vocabulary, colour };
    let mut n_shown = 0;
    print(|out| {
        each(&corpus, &choice, |shard, segment| {
            if n_shown == args.count {
                if !args.json {
                    writeln!(out, "(there are more such rows: `-n` shows them)")?;
                }
                return Ok(false);
            }
            n_shown += 1;
            match args.json {
                true => output::write_json_line(out, &show.json(shard, segment))?,
                false => show.row(out, shard, segment)?,
            }
            Ok(true)
        })
    })?;
    match n_shown {
        0 if args.count != 0 => Err(nothing(args, &choice)),
        _ => Ok(()),
    }
}

fn choice(args: &Args, corpus: &Corpus) -> Result<Choice> {
    if let Some(prefix) = &args.segment {
        return Ok(Choice::Segment(digits(prefix)?));
    }
    if let Some(prefix) = &args.pair {
        return Ok(Choice::Pair(digits(prefix)?));
    }
    if let Some(page) = &args.page {
        return Ok(Choice::Page(PageName::parse(page, corpus)));
    }
    let n_rows = corpus.manifest.totals.rows;
    Ok(Choice::Positions(match args.first {
        true => (0..n_rows.min(args.count)).collect(),
        false => pick(n_rows, args.count, args.seed),
    }))
}

/// Returns the start of a digest as digests are written.
fn digits(prefix: &str) -> Result<String> {
    let prefix = prefix.trim().to_ascii_lowercase();
    let fits = prefix.len() <= 32 && !prefix.is_empty();
    match fits && prefix.bytes().all(|it| it.is_ascii_hexdigit()) {
        true => Ok(prefix),
        false => Err(Error::Usage {
            what: format!("`{prefix}` is not the start of an id"),
            hint: "an id has 32 hexadecimal digits; its first few are enough".to_owned(),
        }),
    }
}

/// Returns `count` positions of `n_rows`, or all of them, the same for the same seed.
fn pick(n_rows: u64, count: u64, seed: u64) -> BTreeSet<u64> {
    if n_rows <= count {
        return (0..n_rows).collect();
    }
    let mut positions = BTreeSet::new();
    // Half of the corpus or more is picked by what to leave out, so that few draws are in vain.
    let wanted = count.min(n_rows - count);
    for draw in 0_u64.. {
        if wanted <= positions.len() as u64 {
            break;
        }
        let digest = Digest::of_fields(&[&seed.to_le_bytes(), &draw.to_le_bytes()]);
        positions.insert(digest.0[0] % n_rows);
    }
    match wanted == count {
        true => positions,
        false => (0..n_rows).filter(|position| !positions.contains(position)).collect(),
    }
}

/// Calls `visit` with each chosen row and the name of its shard until it has seen enough.
fn each(
    corpus: &Corpus,
    choice: &Choice,
    mut visit: impl FnMut(&str, &Segment) -> Result<bool>,
) -> Result<()> {
    let mut start = 0;
    for shard in &corpus.manifest.shards {
        let rows = start..start + shard.rows;
        start = rows.end;
        let holds = match choice {
            Choice::Positions(positions) => positions.range(rows.clone()).next().is_some(),
            Choice::Pair(prefix) => match (Digest::parse(prefix), corpus.buckets()) {
                (Some(pair), Some(buckets)) => pair.0[1] % buckets == u64::from(shard.bucket),
                _ => true,
            },
            Choice::Segment(_) | Choice::Page(_) => true,
        };
        if !holds {
            continue;
        }
        for (position, segment) in rows.zip(corpus.rows(shard)?) {
            let segment = segment?;
            if choice.takes(position, &segment) && !visit(&shard.file, &segment)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn nothing(args: &Args, choice: &Choice) -> Error {
    let dir = quoted(&args.dir);
    match choice {
        Choice::Positions(_) => {
            Corpus::nothing(format!("`{dir}` has no rows"), "look at its `report.json` for why")
        }
        Choice::Segment(prefix) => Corpus::nothing(
            format!("no row's id starts with `{prefix}`"),
            format!("`crossic inspect {dir}` shows rows with their ids"),
        ),
        Choice::Pair(prefix) => Corpus::nothing(
            format!("no pair's id starts with `{prefix}`"),
            format!("`crossic inspect {dir}` shows rows with the ids of their pairs"),
        ),
        Choice::Page(_) => {
            let page = args.page.as_deref().unwrap_or_default();
            Corpus::nothing(
                format!("no row holds text of the page `{page}`"),
                format!("`crossic explain {dir} '{page}'` says why"),
            )
        }
    }
}

/// How rows are shown.
struct Show<'a> {
    corpus: &'a Corpus,
    vocabulary: &'a Vocabulary,
    colour: bool,
}

impl Show<'_> {
    fn row(&self, out: &mut dyn Write, shard: &str, segment: &Segment) -> Result<()> {
        let manifest = &self.corpus.manifest;
        let n_tokens = segment.input_ids.len() as u64;
        let id: String = segment.id.to_string().chars().take(12).collect();
        let limit = match manifest.rows {
            RowKind::Segments => format!("/{}", thousands(manifest.tokens)),
            RowKind::Documents => String::new(),
        };
        let origin = origin(segment.origin);
        let tokens = thousands(n_tokens);
        let index = segment.index;
        let head = format!("{id}  {tokens}{limit} tokens  {origin}");
        writeln!(out, "{}", self.styled("1", &head))?;
        writeln!(out, "  row {index} of pair {}", segment.pair)?;
        writeln!(out, "  in {shard}")?;
        self.retrieval(out, segment)?;
        for span in &segment.spans {
            self.source(out, span, n_tokens)?;
        }
        writeln!(out)?;
        for span in &segment.spans {
            self.text(out, segment, span)?;
        }
        self.closing(out, segment)?;
        Ok(writeln!(out)?)
    }

    /// Writes how the document of a row was found.
    fn retrieval(&self, out: &mut dyn Write, segment: &Segment) -> Result<()> {
        let score = |millionths: i32| format!("{:.6}", f64::from(millionths) / 1e6);
        if let Some(whole) = segment.score {
            writeln!(out, "  score {}", score(whole))?;
        }
        let Some(it) = &segment.retrieval else {
            return match segment.origin {
                Origin::Wiki => Ok(()),
                Origin::Web => {
                    Ok(writeln!(out, "  without a score: the document was found for another page")?)
                }
            };
        };
        let (title, full) = (score(it.title_score), score(it.full_score));
        writeln!(out, "    {title} with the title, {full} with title and keywords")?;
        let keywords = match it.keywords.as_slice() {
            [] => "no keywords".to_owned(),
            words => format!("keywords {}", visible(&words.join(", "))),
        };
        let title = visible(&it.title);
        Ok(writeln!(out, "    document {} for `{title}`, {keywords}", it.rank)?)
    }

    /// Writes where a span comes from.
    fn source(&self, out: &mut dyn Write, span: &Span, n_tokens: u64) -> Result<()> {
        let tag = self.styled(self.colour_of(&span.lang), &format!("{:>4}", span.lang));
        let revision = match span.revision {
            0 => String::new(),
            revision => format!(", revision {revision}"),
        };
        let title = visible(&span.title);
        match &span.document {
            None => writeln!(out, "{tag}  {title} ({}, page {}{revision})", span.wiki, span.page)?,
            Some(document) => {
                writeln!(out, "{tag}  ({}, document {})", span.wiki, visible(document))?;
            }
        }
        if let Some(url) = self.url(span) {
            writeln!(out, "      {}", visible(&url))?;
        }
        let paragraphs = match (span.paragraph_start + 1, span.paragraph_end) {
            (first, last) if last <= first => format!("paragraph {first}"),
            (first, last) => format!("paragraphs {first} to {last}"),
        };
        let length = u64::from(span.token_end.saturating_sub(span.token_start));
        Ok(writeln!(
            out,
            "      {paragraphs}, tokens {} to {}: {} ({})",
            span.token_start,
            span.token_end,
            counted(length, "token"),
            percent(length, n_tokens)
        )?)
    }

    /// Returns where the text of a span can be read.
    fn url(&self, span: &Span) -> Option<String> {
        match &span.document {
            Some(_) => span.url.clone(),
            None => {
                let (_, source) = self.corpus.manifest.source_of_wiki(&span.wiki)?;
                Some(source.info.page_url(span.page, span.revision))
            }
        }
    }

    /// Writes the text of a span, each line with its language in the margin.
    fn text(&self, out: &mut dyn Write, segment: &Segment, span: &Span) -> Result<()> {
        let colour = self.colour_of(&span.lang);
        let margin = self.styled(colour, &format!("{:>4} |", span.lang));
        let (title, body) = self.decode(segment, span);
        let mut lines: Vec<String> = Vec::new();
        lines.extend(title.lines().map(|line| self.styled("1", &visible(line))));
        if span.cut_start {
            lines.push(self.styled("2", "[… continues from the previous segment]"));
        }
        lines.extend(body.trim_end_matches('\n').lines().map(visible));
        if span.cut_end {
            let cut = match self.corpus.window_knob("oversize") {
                Some("truncate") => "[cut: the rest of the paragraph is left out]",
                _ => "[cut: goes on in the next segment]",
            };
            lines.push(self.styled("2", cut));
        }
        for line in lines {
            match line.is_empty() {
                true => writeln!(out, "{margin}")?,
                false => writeln!(out, "{margin} {}", self.styled(colour, &line))?,
            }
        }
        Ok(())
    }

    /// Returns title and body of a span. They are decoded as one: some tokenizers join words anew
    /// at the start of a text.
    fn decode(&self, segment: &Segment, span: &Span) -> (String, String) {
        let whole = self.vocabulary.decode(tokens(segment, span.token_start, span.token_end));
        let title_end = span.token_start.saturating_add(span.title_tokens);
        let title = self.vocabulary.decode(tokens(segment, span.token_start, title_end));
        match whole.strip_prefix(&title) {
            Some(body) => (title.clone(), body.to_owned()),
            None => (String::new(), whole),
        }
    }

    /// Writes the token that ends the row.
    fn closing(&self, out: &mut dyn Write, segment: &Segment) -> Result<()> {
        let tokenizer = &self.corpus.manifest.tokenizer;
        let closing = match self.corpus.manifest.rows {
            RowKind::Segments if tokenizer.closing == "[SPLIT]" => "[SPLIT]".to_owned(),
            RowKind::Segments => format!("[SPLIT] (written as {})", tokenizer.closing),
            RowKind::Documents => tokenizer.closing.clone(),
        };
        let line = match segment.input_ids.last() {
            Some(id) if *id == tokenizer.closing_id => self.styled("7", &closing),
            _ => "(damaged: the closing token is missing; run `crossic verify`)".to_owned(),
        };
        Ok(writeln!(out, "     | {line}")?)
    }

    fn json(&self, shard: &str, segment: &Segment) -> serde_json::Value {
        let manifest = &self.corpus.manifest;
        let spans = segment.spans.iter().map(|span| {
            let (title_text, body) = self.decode(segment, span);
            let mut value = serde_json::to_value(span).unwrap_or_default();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("url".to_owned(), json!(self.url(span)));
                fields.insert("text".to_owned(), json!(format!("{title_text}{body}")));
            }
            value
        });
        json!({
            "id": segment.id.to_string(),
            "pair": segment.pair.to_string(),
            "index": segment.index,
            "origin": origin(segment.origin),
            "score": segment.score.map(|score| f64::from(score) / 1e6),
            "retrieval": segment.retrieval,
            "shard": shard,
            "tokens": segment.input_ids.len(),
            "limit": manifest.tokens,
            "spans": spans.collect::<Vec<_>>(),
            "closing": manifest.tokenizer.closing,
        })
    }

    /// Returns the colour of a language: the sources in order share out the colours.
    fn colour_of(&self, lang: &str) -> &'static str {
        const COLOURS: &[&str] = &["36", "33", "32", "35", "34", "31"];
        let mut sources = self.corpus.manifest.sources.values();
        let position = sources.position(|source| source.info.lang == lang).unwrap_or_default();
        COLOURS.get(position % COLOURS.len()).copied().unwrap_or_default()
    }

    fn styled(&self, style: &str, text: &str) -> String {
        match self.colour {
            true => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Wiki => "wiki",
        Origin::Web => "web",
    }
}

fn tokens(segment: &Segment, start: u32, end: u32) -> &[u32] {
    segment.input_ids.get(start as usize..end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_distinct_and_repeat() {
        for (n_rows, count) in [(0, 3), (2, 3), (1_000, 3), (10, 9), (10, 5)] {
            let picked = pick(n_rows, count, 32);
            assert_eq!(picked.len() as u64, count.min(n_rows));
            assert!(picked.iter().all(|position| *position < n_rows));
            assert_eq!(picked, pick(n_rows, count, 32));
        }
        assert_ne!(pick(1_000_000, 3, 1), pick(1_000_000, 3, 2));
    }

    #[test]
    fn ids_are_hexadecimal() {
        assert_eq!(digits(" 3F9a ").unwrap(), "3f9a");
        assert!(digits("").is_err());
        assert!(digits("ช้าง").is_err());
        assert!(digits(&"0".repeat(33)).is_err());
    }
}
