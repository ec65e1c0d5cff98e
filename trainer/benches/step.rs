//! Tokens per second and peak memory of training steps on random windows, beside `peers/train_peer.py`.
//!
//! `cargo bench -p crossic-trainer --bench step -- --model CONFIG_DIR --tokens 1024 --windows 8 --rank 64`

use std::{path::PathBuf, time::Instant};

use burn::tensor::{DType, Device};
use crossic_trainer::{
    data::window::{NO_LANGUAGE, Window},
    model::{Key, engine::Engine},
    settings::{Init, Method, Settings},
    weights::{config::ModelConfig, source::Weights},
};

fn main() {
    let mut model = PathBuf::new();
    let (mut tokens, mut windows, mut micro) = (1024, 8, 1);
    let mut kept = usize::MAX;
    let mut settings = Settings { loss_chunk: 256, ..Settings::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        let mut number = || value().parse::<usize>().expect("a number");
        match name.as_str() {
            "--model" => model = PathBuf::from(value()),
            "--tokens" => tokens = number(),
            "--windows" => windows = number(),
            "--micro" => micro = number(),
            "--rank" => settings.rank = number(),
            "--keep" => kept = number(),
            "--loss-chunk" => settings.loss_chunk = number(),
            "--attention-chunk" => settings.attention_chunk = number(),
            "--full" => settings.method = Method::Full,
            _ => {}
        }
    }
    let config = ModelConfig::read(&model).expect("a configuration");
    let weights = Weights::open(&model, &config, Init::Random, 1).expect("weights");
    let device = Device::flex();
    let vocabulary = config.vocab_size as u32;
    let mut engine =
        Engine::new(config, &settings, None, &weights, &device, DType::F32).expect("an engine");
    engine.keep_blocks(kept);
    let window = |seed: u32| Window {
        ids: (0..tokens as u32)
            .map(|it| (it.wrapping_mul(2_654_435_761) ^ seed) % vocabulary)
            .collect(),
        positions: (0..tokens as u32).collect(),
        segments: vec![0; tokens],
        learned: (0..tokens).map(|it| it != 0).collect(),
        languages: vec![NO_LANGUAGE; tokens],
        rows: vec![],
    };
    let all: Vec<Window> = (0..windows as u32).map(window).collect();
    let mut gradients = vec![None; engine.parameters().len()];
    let mut pass = |number: u64, windows: &[Window]| {
        engine.learn(windows, Key::new(1, 1, number), tokens * micro, &mut gradients).sum()
    };
    pass(0, &all[..micro.min(all.len())]);
    let start = Instant::now();
    let mut loss = 0.0;
    for (number, windows) in all.chunks(micro).enumerate() {
        loss += pass(number as u64, windows);
    }
    let seconds = start.elapsed().as_secs_f64();
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|it| it.starts_with("VmHWM")).unwrap_or_default();
    println!(
        "{{\"tokens_per_second\": {:.1}, \"seconds\": {seconds:.2}, \"loss\": {:.4}, \"peak\": \"{}\"}}",
        (tokens * windows) as f64 / seconds,
        loss / ((tokens - 1) * windows) as f64,
        peak.split_whitespace().nth(1).unwrap_or("?"),
    );
}
