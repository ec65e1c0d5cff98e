//! `crossic calibrate`: the threshold that an encoder needs for the documents and articles at hand.

use std::{io::Write, num::NonZeroUsize, path::PathBuf, thread};

use serde_json::json;

use super::{Loudness, PipelineArgs, output, summary};
use crate::{
    config::{self, Plan},
    error::{Error, Result},
    io,
    report::numbers::thousands,
    retrieval::{Calibration, Curve, Figures, Measured},
    runtime::{self, Settings},
};

/// The arguments of `crossic calibrate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The English counterparts of the articles are put among the documents, and every article asks as in a\n\
                  build, without a threshold. Precision: of the counterparts among the first three, the share that is\n\
                  the article's own. Recall: the share of the articles whose own counterpart is among them. Web\n\
                  documents have no labels, so they are only counted.\n\n\
                  A few files are enough: --set 'sources.web.files=[\"000_00000.parquet\"]'\n\n\
                  Example: crossic calibrate pipelines/mine.toml --write threshold.json, and then\n\
                  `calibration = \"threshold.json\"` at the operator"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The operator, where the file has several that retrieve
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// The precision that the suggested threshold has to reach, 0 to 1
    #[arg(long, default_value_t = 0.9, value_name = "SHARE")]
    precision: f64,
    /// Write the suggested threshold, for the key `calibration`
    #[arg(long, value_name = "PATH")]
    write: Option<PathBuf>,
    /// Directory below which vectors and texts are kept meanwhile [default: that of the system]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Threads that work at once [default: the cores]
    #[arg(short, long)]
    workers: Option<NonZeroUsize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    if !(0.0..=1.0).contains(&args.precision) {
        return Err(Error::Usage {
            what: format!("`--precision` is {}, but must be between 0 and 1", args.precision),
            hint: "0.9 is usual".to_owned(),
        });
    }
    let plan = config::load_to_calibrate(&args.pipeline.file, &args.pipeline.sets)?;
    let name = operator(&plan, args.operator.as_deref())?;
    let Some(searching) = plan.searching.get(&name) else {
        unreachable!("the name is one of them")
    };
    let encoder = searching.config.encoder.name();
    let digest = searching.encoder.digest().to_string();
    let cores = || thread::available_parallelism().ok();
    let workers = args.workers.or_else(cores).map_or(1, NonZeroUsize::get);
    let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let settings = Settings { workers, progress: !loudness.quiet, cluster: None };
    let measured = runtime::calibrate(plan, &name, &scratch, &settings)?;
    if loudness.verbose {
        summary::times(&mut std::io::stderr().lock(), workers)?;
    }

    let curve = Curve::new(&measured.answered);
    let suggested = curve.suggest(args.precision);
    let calibration = suggested.map(|it| Calibration {
        encoder: encoder.to_owned(),
        digest: digest.clone(),
        threshold: it.threshold,
        precision: it.precision.unwrap_or_default(),
        recall: it.recall,
        articles: measured.answered.len() as u64,
        documents: measured.n_documents,
    });
    let rows = curve.table(suggested);
    output::print(|out| match args.json {
        true => output::write_json(
            out,
            &json!({
                "operator": name,
                "encoder": encoder,
                "digest": digest,
                "asked": measured.n_asked,
                "articles": measured.answered.len(),
                "planted": measured.n_planted,
                "documents": measured.n_documents,
                "wanted_precision": args.precision,
                "suggested": suggested,
                "thresholds": rows,
            }),
        ),
        false => {
            writeln!(out, "{name}: {encoder}")?;
            write_text(out, &measured, &rows, (args.precision, suggested))
        }
    })?;
    let Some(path) = &args.write else { return Ok(()) };
    let Some(calibration) = calibration else {
        return Err(Error::Nothing {
            what: format!("no threshold reaches a precision of {}", args.precision),
            hint: "ask for less with `--precision`, or take another encoder".to_owned(),
        });
    };
    let mut text = serde_json::to_vec_pretty(&calibration).unwrap_or_default();
    text.push(b'\n');
    io::replace(path, &text)?;
    if !loudness.quiet && !args.json {
        output::print(|out| {
            Ok(writeln!(out, "written: set `calibration = \"{}\"`", path.display())?)
        })?;
    }
    Ok(())
}

/// Returns the name of the operator that is meant.
fn operator(plan: &Plan, asked: Option<&str>) -> Result<String> {
    let names: Vec<&String> = plan.searching.keys().collect();
    let list = || names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let usage = |what: String, hint: &str| Err(Error::Usage { what, hint: hint.to_owned() });
    match (asked, names.as_slice()) {
        (_, []) => usage(
            "no operator of the pipeline retrieves documents".to_owned(),
            "`type = \"retrieve\"` does; see `crossic list retrieve`",
        ),
        (None, [name]) => Ok((*name).clone()),
        (None, _) => {
            usage(format!("several operators retrieve: {}", list()), "name one with `--operator`")
        }
        (Some(name), _) if names.iter().any(|it| *it == name) => Ok(name.to_owned()),
        (Some(name), _) => {
            let hint = format!("it has {}", list());
            usage(format!("the pipeline has no operator `{name}` that retrieves"), &hint)
        }
    }
}

fn write_text(
    out: &mut dyn Write,
    measured: &Measured,
    rows: &[Figures],
    (precision, suggested): (f64, Option<Figures>),
) -> Result<()> {
    writeln!(
        out,
        "{} of {} articles that ask have an English counterpart; {} counterparts lie among {} web documents",
        thousands(measured.answered.len() as u64),
        thousands(measured.n_asked),
        thousands(measured.n_planted),
        thousands(measured.n_documents),
    )?;
    writeln!(out, "\nthreshold  precision  recall  web documents a hundred articles")?;
    for it in rows {
        let precision = it.precision.map_or("–".to_owned(), |it| format!("{it:.3}"));
        let mark = if suggested == Some(*it) { "  <- suggested" } else { "" };
        writeln!(
            out,
            "{:>9.3}  {precision:>9}  {:>6.3}  {:>32.1}{mark}",
            it.threshold, it.recall, it.web_per_hundred
        )?;
    }
    match suggested {
        Some(it) => writeln!(
            out,
            "\nsuggested: {}, the lowest threshold with a precision of at least {precision}",
            it.threshold
        )?,
        None => writeln!(out, "\nno threshold reaches a precision of {precision}")?,
    }
    Ok(())
}
