//! `crossic generate`: what a model says, for a first look.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
};

use crossic_trainer::{
    model::generate::{Choice, generate},
    session::{
        device::{self, DeviceName},
        load::{Loaded, load},
    },
};
use tokenizers::Tokenizer;

use super::{Loudness, output::visible, train::device_name};
use crate::error::{Error, Result};

/// The arguments of `crossic generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The prompt is printed before what follows it.\n\n\
                  Examples:\n  crossic generate out/sample-run --prompt \"The elephant\"\n  \
                  crossic generate out/merged --prompt ช้าง --tokens 200 --temperature 0.7")]
pub(super) struct Args {
    /// Run directory, or the directory of an adapter or a model
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// The text that the model goes on with
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Tokens at most
    #[arg(long, default_value_t = 100)]
    tokens: usize,
    /// 0 for the likeliest token each time; 1 draws as the model says
    #[arg(long, default_value_t = 0.0, value_parser = temperature)]
    temperature: f64,
    /// Share of the probability that is drawn from, the likeliest tokens first
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    top_p: f64,
    /// Seed of the draws
    #[arg(long, default_value_t = 32)]
    seed: u64,
    /// Directory of the base model [default: the one that an adapter names]
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// What computes: cpu, cuda, or cuda:1 for the second GPU
    #[arg(long, default_value_t, value_parser = device_name)]
    device: DeviceName,
    /// Threads that compute [default: the cores]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

fn temperature(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(it) if (0.0..=100.0).contains(&it) => Ok(it),
        _ => Err("it must be a number from 0 to 100".to_owned()),
    }
}

fn share(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(it) if 0.0 < it && it <= 1.0 => Ok(it),
        _ => Err("it must be a number above 0 and at most 1".to_owned()),
    }
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    if let Some(threads) = args.threads {
        device::use_threads(threads.get());
    }
    let device = args.device.open()?;
    let Loaded { engine, tokenizer, stop_at } =
        load(&args.model, args.base.as_deref(), &device, device::dtype(args.device, None))?;
    let prompt = encode(&tokenizer, &args.prompt)?;
    let choice = Choice {
        max_tokens: args.tokens,
        temperature: args.temperature,
        top_p: args.top_p,
        seed: args.seed,
    };
    let mut text = Text::default();
    let mut written = write(&args.prompt);
    generate(&engine, &prompt, choice, &stop_at, &mut |token| {
        // Whoever closed the pipe has read enough.
        if written.is_ok() {
            written = write(&text.add(token, |ids| tokenizer.decode(ids, true).ok()));
        }
        written.is_ok()
    });
    written?;
    let rest = text.rest(|ids| tokenizer.decode(ids, true).ok());
    write(&format!("{rest}\n"))?;
    if loudness.verbose {
        let note = format!("{} tokens after {}\n", text.ids.len(), prompt.len());
        io::stderr().write_all(note.as_bytes())?;
    }
    Ok(())
}

fn encode(tokenizer: &Tokenizer, prompt: &str) -> Result<Vec<u32>> {
    let encoded = tokenizer.encode(prompt, true).map(|it| it.get_ids().to_vec());
    match encoded {
        Ok(ids) if !ids.is_empty() => Ok(ids),
        Ok(_) => Err(Error::Usage {
            what: "the prompt holds no token".to_owned(),
            hint: "give some text to go on with: `--prompt TEXT`".to_owned(),
        }),
        Err(cause) => Err(Error::Usage {
            what: format!("the prompt cannot be encoded: {cause}"),
            hint: "see whether the `tokenizer.json` of the model is whole".to_owned(),
        }),
    }
}

/// Writes at once: a model on a CPU is slow enough to be watched.
fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(visible(text).as_bytes())?;
    out.flush()
}

/// Tokens as they come, and how much of their text has been shown. A letter may take several tokens.
#[derive(Default)]
struct Text {
    ids: Vec<u32>,
    shown: String,
}

impl Text {
    /// Adds a token; returns the text that it completes, empty in the middle of a letter.
    fn add(&mut self, token: u32, decode: impl Fn(&[u32]) -> Option<String>) -> String {
        self.ids.push(token);
        match decode(&self.ids) {
            // A letter that is not whole yet is decoded as this sign.
            Some(text) if !text.ends_with('\u{FFFD}') => self.show(text),
            _ => String::new(),
        }
    }

    /// Returns what is left at the end, be it a whole letter or not.
    fn rest(&mut self, decode: impl Fn(&[u32]) -> Option<String>) -> String {
        decode(&self.ids).map_or(String::new(), |text| self.show(text))
    }

    fn show(&mut self, text: String) -> String {
        let new = text.strip_prefix(self.shown.as_str()).unwrap_or_default().to_owned();
        self.shown = text;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_several_tokens_is_shown_when_it_is_whole() {
        // One token a byte, as in a vocabulary that has no better one.
        let decode = |ids: &[u32]| {
            let bytes: Vec<u8> = ids.iter().map(|id| *id as u8).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut text = Text::default();
        let shown: Vec<String> =
            "aช้b".bytes().map(|byte| text.add(u32::from(byte), decode)).collect();
        assert_eq!(shown, ["a", "", "", "ช", "", "", "\u{e49}", "b"]);
        text.add(0xe0, decode);
        assert_eq!(text.rest(decode), "\u{FFFD}");
    }
}
