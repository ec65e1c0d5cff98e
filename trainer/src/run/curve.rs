//! The loss curve as an SVG that needs nothing else: training, raw and smoothed, and validation by language.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    metrics::{EvalLine, Metrics, StepLine},
    progress::Smooth,
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;

/// Points of a line at most: there are no more pixels.
const MAX_POINTS: usize = 700;

/// Colours of validation lines, after Okabe and Ito: told apart by colour-blind eyes, on white and on black.
const N_COLOURS: usize = 6;

const STYLE: &str = "\
.loss-curve{font:12px system-ui,sans-serif;--ink:#222;--faint:#ddd;--paper:#fff;--train:#767676}\
.loss-curve .c0{--c:#0072b2}.loss-curve .c1{--c:#d55e00}.loss-curve .c2{--c:#009e73}\
.loss-curve .c3{--c:#b5498d}.loss-curve .c4{--c:#9a7d00}.loss-curve .c5{--c:#3f8fc4}\
@media(prefers-color-scheme:dark){\
.loss-curve{--ink:#ddd;--faint:#444;--paper:#161616;--train:#9a9a9a}\
.loss-curve .c0{--c:#56b4e9}.loss-curve .c1{--c:#ff9040}.loss-curve .c2{--c:#2bd0a2}\
.loss-curve .c3{--c:#f0a0d0}.loss-curve .c4{--c:#e8d44c}.loss-curve .c5{--c:#a9d7f5}}\
.loss-curve text{fill:var(--ink)}.loss-curve .grid{stroke:var(--faint);stroke-width:1}\
.loss-curve .paper{fill:var(--paper)}.loss-curve .line{fill:none;stroke-linejoin:round}\
.loss-curve .raw{stroke:var(--train);stroke-opacity:.35;stroke-width:1}\
.loss-curve .smooth{stroke:var(--train);stroke-width:2}\
.loss-curve .eval{stroke:var(--c);stroke-width:2}.loss-curve .dot{fill:var(--c)}";

/// A line with its name.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws what the metrics say. Without any, the picture says so.
pub fn curve(metrics: &Metrics) -> String {
    let steps: Vec<&StepLine> = metrics.steps().collect();
    let evals: Vec<&EvalLine> = metrics.evals().collect();
    let raw: Vec<(f64, f64)> = steps.iter().map(|it| (it.step as f64, it.loss)).collect();
    let mut mean = Smooth::default();
    let smooth: Vec<(f64, f64)> = raw.iter().map(|(step, loss)| (*step, mean.add(*loss))).collect();
    let evals = by_language(&evals);
    let all = raw.iter().chain(evals.iter().flat_map(|it| &it.points));
    let frame = Frame::around(all.copied());

    let mut svg = String::new();
    // Writing to a string cannot fail.
    let mut put = |text: &str| svg.push_str(text);
    put(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"loss-curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-label=\"Loss by step\"><style>{STYLE}</style>\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"
    ));
    let Some(frame) = frame else {
        put("<text x=\"50%\" y=\"50%\" text-anchor=\"middle\">no step yet</text></svg>\n");
        return svg;
    };
    put(&frame.grid());
    put(&frame.line("line raw", &buckets(&raw)));
    put(&frame.line("line smooth", &thin(&smooth)));
    for (number, series) in evals.iter().enumerate() {
        let colour = number % N_COLOURS;
        put(&format!("<g class=\"c{colour}\">{}", frame.line("line eval", &thin(&series.points))));
        for (x, y) in thin(&series.points) {
            let (x, y) = frame.place((x, y));
            put(&format!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"));
        }
        put("</g>");
    }
    put(&legend(&evals, !raw.is_empty()));
    put("</svg>\n");
    svg
}

/// Returns a line for each language of the validations, or one of all tokens where no language is known.
fn by_language(evals: &[&EvalLine]) -> Vec<Series> {
    let mut lines = BTreeMap::<&str, Vec<(f64, f64)>>::new();
    for eval in evals {
        for (language, loss) in &eval.eval_languages {
            lines.entry(language).or_default().push((eval.step as f64, *loss));
        }
    }
    if lines.is_empty() && !evals.is_empty() {
        let points = evals.iter().map(|it| (it.step as f64, it.eval_loss)).collect();
        return vec![Series { name: "validation".to_owned(), points }];
    }
    let name = |language: &str| format!("validation, {language}");
    lines.into_iter().map(|(it, points)| Series { name: name(it), points }).collect()
}

/// Keeps a few points of many, the last among them.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.iter().enumerate().filter(|(it, _)| it % every == 0 || *it == last);
    kept.map(|(_, point)| *point).collect()
}

/// Keeps the lowest and the highest of every few points, so that a spike stays in sight.
fn buckets(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let n_together = points.len().div_ceil(MAX_POINTS).max(1);
    if n_together == 1 {
        return points.to_vec();
    }
    let ends = |bucket: &[(f64, f64)]| {
        let low = bucket.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = bucket.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
        low.into_iter().chain(high)
    };
    points.chunks(2 * n_together).flat_map(ends).collect()
}

/// What part of the plane is shown.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    /// Returns a frame with all points in it, `None` if there are none.
    fn around(points: impl Iterator<Item = (f64, f64)>) -> Option<Frame> {
        let mut frame: Option<Frame> = None;
        for (x, y) in points.filter(|it| it.0.is_finite() && it.1.is_finite()) {
            let frame = frame.get_or_insert(Frame { x: (x, x), y: (y, y) });
            frame.x = (frame.x.0.min(x), frame.x.1.max(x));
            frame.y = (frame.y.0.min(y), frame.y.1.max(y));
        }
        let mut frame = frame?;
        frame.x.1 = frame.x.1.max(frame.x.0 + 1.0);
        // A flat line stands in the middle.
        let margin = ((frame.y.1 - frame.y.0) * 0.05).max(1e-3);
        frame.y = (frame.y.0 - margin, frame.y.1 + margin);
        Some(frame)
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let across = (x - self.x.0) / (self.x.1 - self.x.0);
        let up = (y - self.y.0) / (self.y.1 - self.y.0);
        (LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))
    }

    fn line(&self, class: &str, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (number, point) in points.iter().enumerate() {
            let (x, y) = self.place(*point);
            let letter = if number == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{x:.1} {y:.1}").ok();
        }
        if path.is_empty() { path } else { format!("<path class=\"{class}\" d=\"{path}\"/>") }
    }

    /// Draws the grid, the numbers along it and what they mean.
    fn grid(&self) -> String {
        let mut svg = String::new();
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let (numbers, places) = ticks(self.y, false);
        for number in numbers {
            let (_, y) = self.place((self.x.0, number));
            write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{number:.places$}</text>",
                LEFT - 6.0,
                y + 4.0
            )
            .ok();
        }
        for number in ticks(self.x, true).0 {
            let (x, _) = self.place((number, self.y.0));
            write!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {bottom}v4\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{number:.0}</text>",
                bottom + 18.0
            )
            .ok();
        }
        write!(
            svg,
            "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">step</text>\
             <text x=\"8\" y=\"{:.1}\">loss</text>",
            HEIGHT - 8.0,
            TOP - 12.0
        )
        .ok();
        svg
    }
}

/// Returns round numbers between two, four to eight of them, and the decimal places they need.
fn ticks((low, high): (f64, f64), whole: bool) -> (Vec<f64>, usize) {
    let rough = (high - low) / 8.0;
    let power = 10_f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors.into_iter().find(|it| rough <= it * power).unwrap_or(10.0);
    let distance = if whole { (factor * power).max(1.0) } else { factor * power };
    let places = if distance < 1.0 { (-distance.log10()).ceil().max(0.0) as usize } else { 0 };
    let first = (low / distance).ceil() as i64;
    let last = (high / distance).floor() as i64;
    ((first..=last).take(20).map(|it| it as f64 * distance).collect(), places)
}

fn legend(evals: &[Series], has_training: bool) -> String {
    let mut svg = String::new();
    let mut x = LEFT + 40.0;
    let training = has_training.then(|| ("line smooth", String::new(), "training".to_owned()));
    let evals = evals.iter().enumerate().map(|(number, it)| {
        ("line eval", format!(" class=\"c{}\"", number % N_COLOURS), it.name.clone())
    });
    for (class, group, name) in training.into_iter().chain(evals) {
        write!(
            svg,
            "<g{group}><path class=\"{class}\" d=\"M{x:.0} 18h20\"/>\
             <text x=\"{:.0}\" y=\"22\">{}</text></g>",
            x + 26.0,
            escape(&name)
        )
        .ok();
        x += 50.0 + 6.5 * name.chars().count() as f64;
    }
    svg
}

/// Escapes text for XML and HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if letter.is_control() && letter != '\n' => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::metrics::{
        Line,
        tests::{eval, step},
    };

    fn drawn(lines: Vec<Line>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let mut metrics = Metrics::open(&dir.path().join("metrics.jsonl"), 0, false).unwrap();
        metrics.lines = lines;
        curve(&metrics)
    }

    /// Returns the numbers of all paths of a class.
    fn paths(svg: &str, class: &str) -> Vec<Vec<f64>> {
        let start = format!("<path class=\"{class}\" d=\"");
        let paths = svg.split(&start).skip(1).map(|it| it.split_once('"').unwrap().0);
        let numbers = |path: &str| {
            let path = path.replace(['M', 'L'], " ");
            path.split_whitespace().map(|it| it.parse().unwrap()).collect()
        };
        // The legend has strokes of these classes too.
        paths.filter(|it| !it.ends_with("h20")).map(numbers).collect()
    }

    #[test]
    fn lines_fall_when_the_loss_falls_and_stay_within_the_picture() {
        let mut lines = vec![eval(0, 9.0)];
        lines.extend((1..=10).map(|it| step(it, 9.0 - 0.5 * it as f64)));
        lines.push(eval(10, 5.0));
        let svg = drawn(lines);
        let raw = &paths(&svg, "line raw")[0];
        assert_eq!(raw.len(), 20);
        assert!(raw.chunks(2).zip(raw[2..].chunks(2)).all(|(a, b)| a[0] < b[0] && a[1] < b[1]));
        let in_sight = |it: &[f64]| {
            (LEFT..=WIDTH - RIGHT).contains(&it[0]) && (TOP..=HEIGHT - BOTTOM).contains(&it[1])
        };
        assert!(raw.chunks(2).all(in_sight));
        assert!(svg.contains("validation, en") && svg.contains("validation, ไทย&lt;&amp;"));
        assert!(
            svg.contains("prefers-color-scheme:dark")
                && !svg.contains("http:/") | svg.contains("w3.org")
        );
        assert_eq!(svg.matches("<circle").count(), 4);
    }

    #[test]
    fn a_long_run_is_thinned_but_its_spike_stays() {
        let loss = |it: u64| if it == 12_345 { 50.0 } else { 2.0 };
        let svg = drawn((1..=100_000).map(|it| step(it, loss(it))).collect());
        let raw = &paths(&svg, "line raw")[0];
        assert!(raw.len() <= 2 * (MAX_POINTS + 2), "{}", raw.len());
        let top = raw.chunks(2).map(|it| it[1]).fold(f64::MAX, f64::min);
        assert!(top < TOP + 20.0, "{top}");
        assert!(svg.len() < 100_000, "{}", svg.len());
    }

    #[test]
    fn strange_runs_are_drawn_too() {
        assert!(drawn(Vec::new()).contains("no step yet"));
        assert!(!drawn(vec![step(1, 2.0)]).contains("NaN"));
        assert!(!drawn(vec![eval(0, 2.0)]).contains("NaN"));
        assert!(!drawn(vec![step(1, f64::NAN), step(2, 1.0)]).contains("inf"));
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks((0.0, 10.0), false), (vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0], 0));
        assert_eq!(ticks((1.0, 3.0), true).0, [1.0, 2.0, 3.0]);
        assert_eq!(ticks((2.31, 2.52), false).1, 2);
    }
}
