//! Decodes bzip2 files with several libraries and prints bytes of text a processor second.
//!
//! `cargo run --release -- [--only NAME] ROUNDS FILE.bz2…`; each library has one thread, and the best
//! round counts. The results of all are compared.

use std::{env, error::Error, fs, hint::black_box, io::Read};

use cpu_time::ProcessTime;

type Decoded = Result<Vec<u8>, Box<dyn Error>>;

fn all(mut reader: impl Read) -> Decoded {
    let mut text = Vec::new();
    reader.read_to_end(&mut text)?;
    Ok(text)
}

/// Two of the libraries read the first stream of a file only.
fn by_stream(data: &[u8], decode: impl Fn(&[u8]) -> Decoded) -> Decoded {
    let mut text = Vec::new();
    for stream in streams(data) {
        text.extend(decode(stream)?);
    }
    Ok(text)
}

/// Cuts a multistream file where a stream and a block begin.
fn streams(data: &[u8]) -> Vec<&[u8]> {
    const BLOCK: &[u8] = b"1AY&SY";
    let begins =
        |at: usize| data[at..].starts_with(b"BZh") && data.get(at + 4..at + 10) == Some(BLOCK);
    let starts: Vec<usize> = (0..data.len().saturating_sub(10)).filter(|&at| begins(at)).collect();
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &data[start..end]).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let only = match arguments.first() {
        Some(first) if first == "--only" => arguments.drain(..2).nth(1).unwrap_or_default(),
        _ => String::new(),
    };
    let (rounds, files) = arguments.split_first().ok_or("[--only NAME] ROUNDS FILE.bz2…")?;
    let rounds: usize = rounds.parse()?;
    let known: [(&str, fn(&[u8]) -> Decoded); 4] = [
        ("bzip2 0.6 (libbz2-rs)", |data| all(bzip2::read::MultiBzDecoder::new(data))),
        ("bzip2 0.4 (libbz2, C)", |data| all(bzip2_c::read::MultiBzDecoder::new(data))),
        ("bzip2-rs 0.1", |data| {
            by_stream(data, |stream| all(bzip2_rs::DecoderReader::new(stream)))
        }),
        ("lbzip2 0.5", |data| {
            by_stream(data, |stream| {
                lbzip2::stream::decompress_uncapped(stream).map_err(|error| error.0.into())
            })
        }),
    ];
    let decoders: Vec<_> = known.into_iter().filter(|(name, _)| name.contains(&only)).collect();
    for file in files {
        let data = fs::read(file)?;
        let mut expected: Option<Vec<u8>> = None;
        println!("{file}: {} bytes", data.len());
        let mut best = vec![f64::MAX; decoders.len()];
        for _ in 0..rounds {
            for (best, (name, decode)) in best.iter_mut().zip(&decoders) {
                let start = ProcessTime::now();
                let text = black_box(decode(&data)?);
                *best = best.min(start.elapsed().as_secs_f64());
                match &expected {
                    Some(expected) if *expected != text => {
                        return Err(
                            format!("{name}: {} bytes, not {}", text.len(), expected.len()).into()
                        );
                    }
                    Some(_) => {}
                    None => expected = Some(text),
                }
            }
        }
        let n_bytes = expected.map_or(0, |text| text.len());
        for (best, (name, _)) in best.iter().zip(&decoders) {
            println!("  {name:24} {:7.1} MB/s", n_bytes as f64 / best / 1e6);
        }
    }
    Ok(())
}
