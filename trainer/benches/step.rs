//! Training steps on random windows: tokens per second and memory, beside `peers/train_peer.py`; and what they are made
//! of. `gpu/run.sh` runs all of it on a GPU.
//!
//! `cargo bench -p crossic-trainer --bench step -- --model CONFIG_DIR --tokens 1024 --windows 8 --rank 64`
//!
//! `--device cuda` and `--dtype bf16` say where and with which numbers; `--keep all,auto,0` measures once for every
//! number of blocks that keep their activations. `--stages` times every operation by itself, too; `--check` compares
//! each with the CPU instead. What comes out is one JSON object a line.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal, which stops at the first error"
)]

use std::{path::PathBuf, process::ExitCode, time::Instant};

use burn::tensor::{DType, Device};
use crossic_trainer::{
    data::window::{NO_LANGUAGE, Window},
    error::Result,
    memory::Load,
    model::{
        Key, compare,
        engine::{Engine, Loss},
        stages,
    },
    optimizer::{
        adamw::{self, Moments, Rule},
        clip,
        parameter::Gradients,
    },
    session::device::{self, DeviceName},
    settings::{Init, Method, Precision, Settings},
    weights::{config::ModelConfig, source::Weights},
};
use serde_json::json;

struct Arguments {
    check: bool,
    stages: bool,
    model: PathBuf,
    tokens: usize,
    windows: usize,
    micro: usize,
    keep: Vec<String>,
    device: DeviceName,
    precision: Option<Precision>,
    settings: Settings,
}

fn main() -> ExitCode {
    let arguments = arguments();
    let result = arguments.device.open().and_then(|device| {
        if arguments.check {
            return check(&arguments, &device);
        }
        steps(&arguments, &device)?;
        if arguments.stages {
            stages(&arguments, &device)?;
        }
        Ok(true)
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Arguments {
    let mut all = Arguments {
        check: false,
        stages: false,
        model: PathBuf::new(),
        tokens: 1024,
        windows: 8,
        micro: 1,
        keep: vec!["all".to_owned()],
        device: DeviceName::Cpu,
        precision: None,
        settings: Settings { loss_chunk: 256, ..Settings::default() },
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        let mut number = || value().parse::<usize>().expect("a number");
        match name.as_str() {
            "--check" => all.check = true,
            "--stages" => all.stages = true,
            "--model" => all.model = PathBuf::from(value()),
            "--tokens" => all.tokens = number(),
            "--windows" => all.windows = number(),
            "--micro" => all.micro = number(),
            "--rank" => all.settings.rank = number(),
            "--keep" => all.keep = value().split(',').map(str::to_owned).collect(),
            "--loss-chunk" => all.settings.loss_chunk = number(),
            "--attention-chunk" => all.settings.attention_chunk = number(),
            "--full" => all.settings.method = Method::Full,
            "--device" => all.device = value().parse().expect("cpu, cuda or cuda:1"),
            "--dtype" => {
                all.precision = Some(match value().as_str() {
                    "f32" => Precision::F32,
                    "bf16" => Precision::Bf16,
                    _ => panic!("f32 or bf16"),
                });
            }
            // Added by `cargo bench`.
            "--bench" => {}
            _ => panic!("no argument `{name}`"),
        }
    }
    all
}

impl Arguments {
    fn dtype(&self) -> DType {
        device::dtype(self.device, self.precision)
    }

    fn window(&self, seed: u32, vocabulary: u32) -> Window {
        let tokens = self.tokens as u32;
        Window {
            ids: (0..tokens)
                .map(|it| (it.wrapping_mul(2_654_435_761) ^ seed) % vocabulary)
                .collect(),
            positions: (0..tokens).collect(),
            segments: vec![0; self.tokens],
            learned: (0..tokens).map(|it| it != 0).collect(),
            languages: vec![NO_LANGUAGE; self.tokens],
            rows: vec![],
        }
    }
}

/// Measures steps, once for every wanted number of kept blocks.
fn steps(arguments: &Arguments, device: &Device) -> Result<()> {
    let start = Instant::now();
    let config = ModelConfig::read(&arguments.model)?;
    let weights = Weights::open(&arguments.model, &config, Init::Random, 1)?;
    let (vocabulary, n_layers) = (config.vocab_size as u32, config.n_layers);
    let (settings, dtype) = (&arguments.settings, arguments.dtype());
    let mut engine = Engine::new(config, settings, None, &weights, device, dtype)?;
    device.memory_cleanup();
    device.sync().expect("weights on the device");
    let loading = start.elapsed().as_secs_f64();
    let all: Vec<Window> =
        (0..arguments.windows as u32).map(|it| arguments.window(it, vocabulary)).collect();
    for keep in &arguments.keep {
        let kept = match keep.as_str() {
            "all" => n_layers,
            "auto" => auto(arguments, &engine),
            number => number.parse().expect("all, auto or a number"),
        };
        engine.keep_blocks(kept);
        // The first time around kernels are compiled and tried against each other.
        let first = Instant::now();
        let micro = arguments.micro.min(all.len());
        pass(&engine, arguments, 0, &all[..micro]).0.sum();
        let first = first.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut moments: Vec<Moments> = engine.parameters().iter().map(Moments::new).collect();
        let mut losses = Vec::new();
        for (number, windows) in all.chunks(micro).enumerate() {
            let (loss, mut gradients) = pass(&engine, arguments, number as u64, windows);
            losses.push(loss);
            let norm = clip::norm(&clip::read(clip::squares(&gradients))?);
            let (rule, scale) = (Rule::of(settings), clip::scale(norm, settings.clip));
            let parameters = engine.parameters_mut();
            adamw::step(&rule, 1, 1e-5, scale, parameters, &mut moments, &mut gradients);
            engine.refresh();
        }
        let loss: f64 = losses.iter().map(Loss::sum).sum();
        let seconds = start.elapsed().as_secs_f64();
        let n_tokens = arguments.tokens * all.len();
        let line = json!({
            "device": arguments.device.to_string(),
            "dtype": format!("{dtype:?}"),
            "model": arguments.model,
            "tokens": arguments.tokens,
            "micro": micro,
            "rank": settings.rank,
            "blocks": n_layers,
            "kept_blocks": kept,
            "tokens_per_second": n_tokens as f64 / seconds,
            "seconds": seconds,
            "loading_seconds": loading,
            "first_pass_seconds": first,
            "loss": loss / (n_tokens - all.len()) as f64,
            "reserved_bytes": device.memory_pool_usage().map(|it| it.bytes_reserved),
            "peak_rss_kib": peak_rss(),
        });
        println!("{line}");
        device.memory_cleanup();
    }
    Ok(())
}

/// Learns from windows; gradients are dropped as after a step.
fn pass(
    engine: &Engine,
    arguments: &Arguments,
    number: u64,
    windows: &[Window],
) -> (Loss, Gradients) {
    let mut gradients = vec![None; engine.parameters().len()];
    let n_learned = arguments.tokens * windows.len();
    let loss = engine.learn(windows, Key::new(1, 1, number), n_learned, &mut gradients);
    (loss, gradients)
}

/// Returns how many blocks `recompute = "auto"` lets keep their activations.
fn auto(arguments: &Arguments, engine: &Engine) -> usize {
    let load = Load {
        config: engine.config(),
        settings: &arguments.settings,
        precision: arguments.precision.unwrap_or(arguments.device.precision()),
        windows: arguments.micro,
        tokens: arguments.tokens,
        n_trained: engine.parameters().iter().map(|it| it.value.dims()[0]).sum(),
    };
    load.kept_blocks(arguments.device.usable_memory())
}

fn peak_rss() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Compares every operation with the CPU; returns whether all are close.
fn check(arguments: &Arguments, device: &Device) -> Result<bool> {
    let config = ModelConfig::read(&arguments.model)?;
    let all = compare::compare(&config, device, arguments.dtype(), &Device::flex())?;
    for it in &all {
        let worst = it.worst.is_finite().then_some(it.worst);
        let line = json!({
            "device": arguments.device.to_string(),
            "dtype": format!("{:?}", arguments.dtype()),
            "result": it.name,
            "worst": worst,
            "tolerance": it.tolerance,
            "close": it.is_close(),
        });
        println!("{line}");
    }
    Ok(all.iter().all(compare::Apart::is_close))
}

/// Times every operation by itself.
fn stages(arguments: &Arguments, device: &Device) -> Result<()> {
    let config = ModelConfig::read(&arguments.model)?;
    let (settings, dtype) = (&arguments.settings, arguments.dtype());
    let all = stages::time(&config, settings, arguments.tokens, device, dtype, 5)?;
    let outer = |it: &&stages::Stage| !it.name.contains("within");
    let total: f64 = all.iter().filter(outer).map(stages::Stage::total).sum();
    for it in &all {
        let line = json!({
            "device": arguments.device.to_string(),
            "dtype": format!("{dtype:?}"),
            "model": arguments.model,
            "stage": it.name,
            "calls": it.calls,
            "milliseconds": it.seconds * 1e3,
            "share": it.total() / total,
        });
        println!("{line}");
    }
    Ok(())
}
