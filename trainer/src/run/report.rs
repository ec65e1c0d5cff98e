//! A page about a run for people: the curve, what came out, the settings.

use super::{
    checkpoint::State,
    curve::escape,
    metrics::{EvalLine, Metrics},
};

/// A table: heads, then rows.
type Table = Vec<Vec<String>>;

/// Returns the figures of a run as rows of name and value.
fn figures(state: &State, ending: &str, metrics: &Metrics) -> Table {
    let mut table = vec![vec!["Figure".to_owned(), "Value".to_owned()]];
    let mut put = |name: &str, value: String| table.push(vec![name.to_owned(), value]);
    put("Steps", format!("{} of {}", state.step, state.n_steps));
    put("State", ending.to_owned());
    put("Tokens", state.n_tokens.to_string());
    put("Training time", duration(state.milliseconds / 1000));
    if let Some(last) = metrics.steps().last() {
        put("Passes over the corpus", format!("{:.3}", last.epoch));
        put("Loss of the last step", format!("{:.4}", last.loss));
        put("Tokens per second, last step", format!("{:.0}", last.tokens_per_second));
        put("Padding, last step", format!("{:.1} %", 100.0 * last.padding));
        if let Some(mfu) = last.mfu {
            put("MFU, last step", format!("{:.1} %", 100.0 * mfu));
        }
    }
    if let Some(best) = state.best {
        put("Best validation", format!("{:.4}, after step {}", best.loss, best.step));
    }
    put("Device", state.device.clone());
    put("Base model", state.base.clone());
    put("Corpus", state.corpus.clone());
    put("Version", state.version.clone());
    table
}

/// Returns first and last validation side by side, by language.
fn validations(metrics: &Metrics) -> Option<Table> {
    let (first, last) = (metrics.evals().next()?, metrics.evals().last()?);
    let heads = [
        "Held-back tokens".to_owned(),
        format!("Loss after step {}", first.step),
        format!("Loss after step {}", last.step),
        "Perplexity then".to_owned(),
        "Perplexity now".to_owned(),
    ];
    let row = |name: &str, of: &dyn Fn(&EvalLine) -> Option<f64>| {
        let (then, now) = (of(first), of(last));
        let number = |it: Option<f64>| it.map_or("–".to_owned(), |it| format!("{it:.4}"));
        let power = |it: Option<f64>| it.map_or("–".to_owned(), |it| format!("{:.2}", it.exp()));
        vec![name.to_owned(), number(then), number(now), power(then), power(now)]
    };
    let mut table = vec![heads.to_vec(), row("all", &|it| Some(it.eval_loss))];
    for language in last.eval_languages.keys() {
        table.push(row(language, &|it| it.eval_languages.get(language).copied()));
    }
    if 2 < last.eval_languages.len() {
        table.push(row("all but English", &|it| it.eval_target));
    }
    Some(table)
}

fn settings(state: &State) -> Table {
    let mut table = vec![vec!["Setting".to_owned(), "Value".to_owned()]];
    table.extend(state.settings.iter().map(|(key, value)| vec![key.clone(), value.clone()]));
    table
}

fn sections(state: &State, ending: &str, metrics: &Metrics) -> Vec<(&'static str, Table)> {
    let mut sections = vec![("Figures", figures(state, ending, metrics))];
    sections.extend(validations(metrics).map(|it| ("Validation", it)));
    sections.push(("Settings", settings(state)));
    sections
}

/// Returns the page as HTML that needs nothing else. `ending` says how the run stands, `curve` is an SVG.
pub fn html(state: &State, ending: &str, metrics: &Metrics, curve: &str) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Training run</title>\
         <style>:root{{color-scheme:light dark}}body{{font:15px/1.5 system-ui,sans-serif;\
         max-width:48rem;margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse;\
         margin:0 0 1.5rem}}th,td{{text-align:left;padding:.15rem 1.2rem .15rem 0;\
         overflow-wrap:anywhere}}svg{{width:100%;height:auto}}</style>\
         <h1>Training run</h1>\n{curve}"
    );
    for (title, table) in sections(state, ending, metrics) {
        page.push_str(&format!("<h2>{title}</h2>\n<table>\n"));
        for (number, row) in table.iter().enumerate() {
            let tag = if number == 0 { "th" } else { "td" };
            let cells = row.iter().map(|it| format!("<{tag}>{}</{tag}>", escape(it)));
            page.push_str(&format!("<tr>{}</tr>\n", cells.collect::<String>()));
        }
        page.push_str("</table>\n");
    }
    page.push_str("</html>\n");
    page
}

/// Returns the page as Markdown, beside `curve.svg`.
pub fn markdown(state: &State, ending: &str, metrics: &Metrics) -> String {
    let mut page = "# Training run\n\n![Loss by step](curve.svg)\n".to_owned();
    for (title, table) in sections(state, ending, metrics) {
        page.push_str(&format!("\n## {title}\n\n"));
        for (number, row) in table.iter().enumerate() {
            let cells = row.iter().map(|it| it.replace('|', "\\|").replace(['\n', '\r'], " "));
            page.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
            if number == 0 {
                page.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
            }
        }
    }
    page
}

/// Returns seconds as hours, minutes and seconds.
fn duration(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{
            metrics::tests::{eval, step},
            same,
        },
        settings::Settings,
    };

    #[test]
    fn the_page_has_figures_validations_and_settings_and_no_raw_text() {
        let dir = tempfile::tempdir().unwrap();
        let mut metrics = Metrics::open(&dir.path().join("metrics.jsonl"), 0, false).unwrap();
        metrics.lines = vec![eval(0, 9.0), step(1, 8.0), eval(1, 7.5)];
        let texts = same::texts(&Settings::default());
        let (base, corpus) = ("b|ase".to_owned(), "corpus".to_owned());
        let mut state = State::new(texts, base, corpus, "<cpu>".to_owned());
        (state.step, state.n_steps, state.milliseconds) = (1, 4, 3_725_000);
        let page = html(&state, "stopped", &metrics, "<svg/>");
        for text in ["<svg/>", "1 of 4", "stopped", "1:02:05", "&lt;cpu&gt;", "ไทย&lt;&amp;"]
        {
            assert!(page.contains(text), "{text}");
        }
        assert!(page.contains("<td>learning-rate</td><td>0.0001</td>"));
        assert!(page.contains("<td>all</td><td>9.0000</td><td>7.5000</td><td>8103.08</td>"));
        let page = markdown(&state, "stopped", &metrics);
        assert!(page.contains("| Base model | b\\|ase |"));
        assert!(page.contains("| en | 8.5000 | 7.0000 |"));
        let widths = |it: &str| it.replace("\\|", "").matches('|').count();
        let tables = page.split("\n\n").filter(|it| it.starts_with('|'));
        for table in tables {
            let first = widths(table.lines().next().unwrap());
            assert!(table.lines().all(|it| widths(it) == first), "{table}");
        }
    }
}
