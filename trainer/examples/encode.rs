//! Encodes the lines of a file, and says how fast that went and how well the numbers fit into 8 bits.
//!
//! `cargo run --release -p crossic-trainer --example encode -- ENCODER_DIR TEXT_FILE [DEVICE [BATCH_TOKENS]]`

use std::{error::Error, path::PathBuf, time::Instant};

use crossic_trainer::encoder::{
    Encoder, Settings,
    int8::{Scale, product},
};

#[allow(clippy::print_stdout, reason = "an example is a command")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: encode ENCODER_DIR TEXT_FILE [DEVICE [BATCH_TOKENS]]".into());
    };
    let device = arguments.next().as_deref().unwrap_or("cpu").parse()?;
    let batch_tokens = arguments.next().map(|it| it.parse()).transpose()?;
    let settings = Settings { batch_tokens, ..Settings::default() };
    let start = Instant::now();
    let encoder = Encoder::open(&PathBuf::from(dir), &settings, device)?;
    println!("open: {:.2} s, width {}", start.elapsed().as_secs_f64(), encoder.width());
    let text = fs_err::read_to_string(file)?;
    let texts: Vec<&str> = text.lines().collect();
    let start = Instant::now();
    let n_tokens: usize =
        texts.iter().map(|it| encoder.tokens(it).map(|it| it.len())).sum::<Result<usize, _>>()?;
    println!("tokens: {n_tokens} in {:.2} s on one thread", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let vectors = encoder.encode(&texts)?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "encode: {:.2} s, {:.1} texts a second, {:.0} tokens a second",
        seconds,
        texts.len() as f64 / seconds,
        n_tokens as f64 / seconds
    );
    let scale = Scale::of_width(encoder.width());
    let mut bytes = Vec::new();
    let n_cut = scale.quantise(&vectors.numbers, &mut bytes);
    let largest = vectors.numbers.iter().fold(0f32, |most, it| most.max(it.abs()));
    let mut worst = 0f64;
    let rows: Vec<(&[f32], &[i8])> =
        vectors.rows().zip(bytes.chunks_exact(encoder.width())).collect();
    for pair in rows.windows(2) {
        let [(a, a8), (b, b8)] = pair else { continue };
        let exact: f64 = a.iter().zip(*b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        worst = worst.max((f64::from(product(a8, b8)) * scale.of_products() - exact).abs());
    }
    println!(
        "8 bits: {n_cut} of {} numbers cut at {:.3}, largest {largest:.3}; cosines are off by {worst:.4} at most",
        bytes.len(),
        scale.limit()
    );
    Ok(())
}
