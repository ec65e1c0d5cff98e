//! The dataset card: `README.md` of a corpus, as the Hugging Face Hub reads it.

use std::{collections::BTreeSet, fmt::Write};

use super::{
    Report,
    numbers::{counted, percent, thousands},
};
use crate::{
    config::plan::Component,
    manifest::{Manifest, RowKind},
};

/// Returns the dataset card of a corpus; equal corpora have equal cards.
pub fn card(manifest: &Manifest, report: &Report) -> String {
    let mut card = String::new();
    let parts: &[fn(&mut String, &Manifest, &Report) -> std::fmt::Result] =
        &[header, summary, content, making, load, rights, limits];
    for part in parts {
        if part(&mut card, manifest, report).is_err() {
            unreachable!("writing to a string does not fail");
        }
    }
    card
}

/// The metadata of the Hub (<https://huggingface.co/docs/hub/datasets-cards>).
fn header(card: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    let languages: BTreeSet<&str> =
        manifest.sources.values().map(|source| hub_language(&source.info.lang)).collect();
    writeln!(card, "---")?;
    writeln!(card, "pretty_name: {}", yaml(&title(manifest)))?;
    writeln!(card, "language:")?;
    for language in languages {
        writeln!(card, "  - {}", yaml(language))?;
    }
    match report.statistics.web_rows {
        0 => writeln!(card, "license: cc-by-sa-4.0")?,
        // Two licences, neither of which covers all of the text.
        _ => {
            writeln!(card, "license: other\nlicense_name: mixed")?;
            writeln!(card, "license_link: README.md")?;
        }
    }
    writeln!(card, "task_categories:\n  - text-generation")?;
    writeln!(card, "size_categories:\n  - {}", size_category(manifest.totals.rows))?;
    writeln!(card, "tags:\n  - cross-lingual\n  - continued-pre-training\n  - wikipedia")?;
    writeln!(card, "  - crossic\n  - tokenized")?;
    writeln!(card, "configs:\n  - config_name: default\n    data_files:")?;
    writeln!(card, "      - split: train\n        path: {}", yaml(&pattern(manifest)))?;
    writeln!(card, "---\n")
}

/// Returns the pattern that all shards match.
fn pattern(manifest: &Manifest) -> String {
    // Shards of a format may be compressed: their names say what they are.
    let ending = manifest.shards.first().and_then(|shard| shard.file.split_once('.'));
    let ending = ending.map_or(manifest.shard_format.as_str(), |(_, ending)| ending);
    format!("shards/*.{ending}")
}

/// Returns the tag that the Hub knows for a language code of Wikipedia
/// (<https://meta.wikimedia.org/wiki/Special_language_codes>).
fn hub_language(code: &str) -> &str {
    match code {
        "als" => "gsw",
        "bat-smg" => "sgs",
        "be-tarask" | "be-x-old" => "be",
        "cbk-zam" => "cbk",
        "eml" => "egl",
        "fiu-vro" => "vro",
        "map-bms" => "jv",
        "nds-nl" => "nds",
        "roa-rup" => "rup",
        "roa-tara" => "nap",
        "simple" => "en",
        "zh-classical" => "lzh",
        "zh-min-nan" => "nan",
        "zh-yue" => "yue",
        code => code,
    }
}

/// Returns a YAML string. All are quoted: bare, the code of Norwegian would be a truth value.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| unreachable!("a string is always JSON"))
}

fn size_category(n_rows: u64) -> &'static str {
    match n_rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        10_000_000..100_000_000 => "10M<n<100M",
        _ => "100M<n<1B",
    }
}

fn title(manifest: &Manifest) -> String {
    let mut languages: Vec<&str> = Vec::new();
    for source in manifest.sources.values() {
        // A wiki and a collection of documents may be of one language.
        if !(source.documents && languages.contains(&source.info.lang.as_str())) {
            languages.push(&source.info.lang);
        }
    }
    format!("Cross-lingual in-context corpus ({})", languages.join(", "))
}

fn summary(card: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    let totals = &manifest.totals;
    let n_web = report.statistics.web_pairs;
    writeln!(card, "# {}\n", title(manifest))?;
    let of = match n_web {
        0 => "Wikipedia articles".to_owned(),
        n if n == totals.pairs => "a Wikipedia article and a web document".to_owned(),
        n => {
            format!("Wikipedia articles, {} of them of an article and a web document", thousands(n))
        }
    };
    writeln!(
        card,
        "{} made of {} of {of}: {}.\n",
        counted(totals.rows, "row"),
        counted(totals.pairs, "pair"),
        counted(totals.tokens, "token"),
    )?;
    let about = match n_web {
        0 => "two articles about one subject",
        _ => "an article, and of another article or a web document about its subject",
    };
    match manifest.rows {
        RowKind::Segments => writeln!(
            card,
            "Each row holds paragraphs of {about}, one language after the other,\nin at most {} tokens that end in the token `{}` (id {}).",
            thousands(manifest.tokens),
            manifest.tokenizer.closing,
            manifest.tokenizer.closing_id
        )?,
        RowKind::Documents => writeln!(
            card,
            "Each row is one article as a whole, closed by the token `{}` (id {}).",
            manifest.tokenizer.closing, manifest.tokenizer.closing_id
        )?,
    }
    if manifest.tokenizer.closing_added {
        writeln!(
            card,
            "The tokenizer does not have this token: a model needs one more embedding row for it."
        )?;
    }
    writeln!(
        card,
        "It was built by crossic {} for continued pre-training \
         after the CrossIC-PT recipe\n([arXiv 2504.20484](https://arxiv.org/abs/2504.20484)).\n",
        manifest.crossic
    )
}

fn content(card: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    let statistics = &report.statistics;
    writeln!(card, "## Content\n")?;
    writeln!(card, "| | |\n|---|---:|")?;
    let fill = percent(statistics.tokens, statistics.capacity);
    let one_language = percent(statistics.one_language_rows, statistics.rows);
    let cut = percent(statistics.cut_rows, statistics.rows);
    for (what, n) in [
        ("rows", thousands(statistics.rows)),
        ("pairs", thousands(statistics.pairs)),
        ("tokens", thousands(statistics.tokens)),
        ("tokens of the longest row", thousands(statistics.longest)),
        ("share of N that rows fill", fill),
        ("rows in one language only", one_language),
        ("rows that begin or end inside a paragraph", cut),
    ] {
        writeln!(card, "| {what} | {n} |")?;
    }
    if statistics.web_pairs != 0 {
        for (what, n) in [
            ("pairs of an article and a web document", statistics.web_pairs),
            ("rows of these pairs", statistics.web_rows),
            ("tokens of these rows", statistics.web_tokens),
        ] {
            writeln!(card, "| {what} | {} |", thousands(n))?;
        }
    }
    writeln!(card, "\n| language | tokens | share | of them titles |\n|---|---:|---:|---:|")?;
    let total = statistics.tokens_by_language.values().sum();
    for (language, n) in &statistics.tokens_by_language {
        let titles = statistics.title_tokens_by_language.get(language).copied().unwrap_or_default();
        let (tokens, share) = (thousands(*n), percent(*n, total));
        writeln!(card, "| {} | {tokens} | {share} | {} |", cell(language), thousands(titles))?;
    }
    writeln!(card, "\nThe columns of a row:\n")?;
    for (column, about) in [
        ("id", "identity of the row: a digest of pair, position and tokens"),
        ("pair", "identity of the pair of pages, which stays when their texts change"),
        ("index", "position of the row within its pair"),
        ("origin", "`wiki` for language links, `web` for retrieved documents"),
        ("input_ids", "token ids, the closing one included"),
        (
            "spans",
            "where the tokens come from: wiki, page, revision, title, paragraphs, tokens; of a web \
             document its collection, id, address and the digest of its text",
        ),
        ("score", "score of the retrieval; null for language links"),
        (
            "retrieval",
            "how the document was found: rank, scores, and the title and keywords that were asked \
             for; null for language links",
        ),
    ] {
        writeln!(card, "- `{column}`: {about}")?;
    }
    writeln!(card, "\nThe tokenizer is in `{}`.\n", manifest.tokenizer.file)
}

fn making(card: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    let plan = &manifest.plan;
    writeln!(card, "## How it was made\n")?;
    writeln!(
        card,
        "The profile is `{}`. Every setting, in the order of the data:\n",
        plan.profile
    )?;
    writeln!(card, "| component | type | reads | settings |\n|---|---|---|---|")?;
    for (name, component) in plan.sources.iter().chain(&plan.operators) {
        plan_row(card, name, component)?;
    }
    plan_row(card, "(sink)", &plan.sink)?;
    if !report.links.is_empty() {
        writeln!(card, "\nLinked pairs by the direction of their links, before any filter:\n")?;
        writeln!(card, "| language | to English only | from English only | both |")?;
        writeln!(card, "|---|---:|---:|---:|")?;
        for (language, links) in &report.links {
            let [forward, reverse, mutual] =
                [links.forward, links.reverse, links.mutual].map(thousands);
            writeln!(card, "| {} | {forward} | {reverse} | {mutual} |", cell(language))?;
        }
    }
    let rejects =
        || report.rejects.iter().flat_map(|(stage, it)| it.iter().map(move |it| (stage, it)));
    if rejects().next().is_some() {
        writeln!(card, "\nWhat was left out, and why (each one is listed in `rejects/`):\n")?;
        writeln!(card, "| component | reason | links, pages or pairs |\n|---|---|---:|")?;
        for (stage, (reason, n)) in rejects() {
            writeln!(card, "| {} | {} | {} |", cell(stage), cell(reason), thousands(*n))?;
        }
    }
    writeln!(card)
}

fn plan_row(card: &mut String, name: &str, component: &Component) -> std::fmt::Result {
    let knobs: Vec<String> =
        component.knobs.iter().map(|(knob, value)| format!("`{knob} = {value}`")).collect();
    let (name, kind) = (cell(name), cell(&component.kind));
    let (inputs, knobs) = (cell(&component.inputs.join(", ")), cell(&knobs.join(", ")));
    writeln!(card, "| {name} | {kind} | {inputs} | {knobs} |")
}

/// Returns a text that stays within its cell of a table.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn load(card: &mut String, manifest: &Manifest, _: &Report) -> std::fmt::Result {
    let pattern = pattern(manifest);
    let builder = if manifest.shard_format == "arrow" { "arrow" } else { "json" };
    writeln!(card, "## How to load it\n")?;
    writeln!(
        card,
        "In a copy of this directory:\n\n```python\nfrom datasets import load_dataset\n"
    )?;
    writeln!(
        card,
        "rows = load_dataset(\"{builder}\", data_files=\"{pattern}\", split=\"train\")\n```\n"
    )?;
    if manifest.shard_format == "arrow" {
        let first = manifest.shards.first().map_or("00000-….arrow", |shard| shard.file.as_str());
        writeln!(card, "```python\nimport polars\n")?;
        writeln!(card, "rows = polars.read_ipc(\"{pattern}\")\n```\n")?;
        writeln!(card, "```python\nimport pyarrow\n")?;
        writeln!(card, "rows = pyarrow.ipc.open_file(\"shards/{first}\").read_all()\n```\n")?;
    }
    writeln!(card, "Texts again, with the tokenizer of the corpus:\n\n```python")?;
    writeln!(card, "from tokenizers import Tokenizer\n")?;
    writeln!(card, "tokenizer = Tokenizer.from_file(\"{}\")", manifest.tokenizer.file)?;
    writeln!(card, "print(tokenizer.decode(rows[0][\"input_ids\"][:-1]))\n```\n")?;
    writeln!(
        card,
        "Rows lie in an order that a hash decides, so that shards can be read in any order; \
         shuffle them before training.\n"
    )
}

fn rights(card: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    writeln!(card, "## Where the text comes from, and its licence\n")?;
    writeln!(card, "| source | wiki or collection | language | dump | input files |")?;
    writeln!(card, "|---|---|---|---|---:|")?;
    for (name, source) in &manifest.sources {
        let info = &source.info;
        let [name, wiki, lang, date] =
            [name, &info.wiki, &info.lang, &info.date].map(|text| cell(text));
        writeln!(card, "| {name} | {wiki} | {lang} | {date} | {} |", source.files.len())?;
    }
    let has_web = report.statistics.web_rows != 0;
    let whose = match has_web {
        false => "The text is the work of the authors of Wikipedia and is under the licence",
        true => {
            "The text of articles is the work of the authors of Wikipedia and is under the licence"
        }
    };
    let so = if has_web { "." } else { "; so is this corpus." };
    writeln!(
        card,
        "\n{whose}\n[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/){so}\n\
         It has been changed: markup, tables, references and lists of links are gone, articles \
         are cut into rows, and\ntext is kept as token ids.\n\n\
         Each span of a row names the wiki, the page and the revision it was read from.\n\
         The authors of a text are in the history of its page:\n"
    )?;
    for source in manifest.sources.values().filter(|source| !source.documents) {
        // The address of a made-up page and revision, with their names put in.
        let url = source.info.page_url(0, 1);
        let url = url.strip_suffix('1').unwrap_or(&url);
        writeln!(card, "- `{}`: `{url}REVISION`", source.info.wiki)?;
    }
    if has_web {
        web_rights(card, manifest)?;
    }
    writeln!(
        card,
        "\nNames, sizes and hashes of all input files are in `manifest.json`. The digest of the \
         corpus is\n`{}`.\nTo take a page out, build the corpus again without it: \
         `pair` and `spans` tell which rows held it.\n",
        manifest.corpus_digest
    )
}

/// What is to be known of web documents, whose authors have licensed nothing here.
fn web_rights(card: &mut String, manifest: &Manifest) -> std::fmt::Result {
    let names: Vec<String> =
        manifest.collections().into_iter().map(|name| format!("`{}`", cell(name))).collect();
    writeln!(
        card,
        "\nThe text of web documents comes from {} and is **not** under CC BY-SA. Whoever shares it \
         has to keep to\nthe terms of that collection. Fineweb-edu is under the \
         [ODC-By 1.0](https://opendatacommons.org/licenses/by/1-0/) licence, which is about the\n\
         collection; its use is subject to Common Crawl's \
         [terms of use](https://commoncrawl.org/terms-of-use) as well. The rights in the documents\n\
         themselves stay with their authors.\n\
         Each span of a document names the collection, the document's id in it, and its address.",
        names.join(", ")
    )
}

fn limits(card: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    writeln!(card, "## Limitations\n")?;
    writeln!(
        card,
        "- Two articles about one subject are not translations of each other: they differ in \
         length, order and facts."
    )?;
    writeln!(
        card,
        "- Wikipedia has errors, gaps and biases, and not the same ones in every language."
    )?;
    writeln!(
        card,
        "- Tables, formulas and text made by templates are lost, and what markup hides may be left \
         in part."
    )?;
    writeln!(
        card,
        "- The token ids are of one tokenizer (`{}`, BLAKE3 `{}`); other models need a corpus of \
         their own.",
        manifest.tokenizer.file, manifest.tokenizer.hash
    )?;
    let statistics = &report.statistics;
    if statistics.differing_rows != 0 {
        writeln!(
            card,
            "- In {} of {} that were compared, the ids differ from those of the row's text \
             tokenised as a whole.",
            thousands(statistics.differing_rows),
            counted(statistics.compared_rows, "row")
        )?;
    }
    for note in &report.notes {
        writeln!(card, "- {}", cell(note))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
