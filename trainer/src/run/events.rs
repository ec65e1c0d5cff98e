//! TensorBoard's event file: records with masked CRCs around hand-made protobuf.
//!
//! The file is made anew from the metrics whenever a run begins or goes on, so that no step is in it twice.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    durable,
    metrics::{EvalLine, Line, StepLine},
};
use crate::error::Result;

const START: &str = "events.out.tfevents.";
const END: &str = ".crossic";

/// Returns whether a file name is one of our event files.
pub fn is_events(name: &str) -> bool {
    name.starts_with(START) && name.ends_with(END)
}

/// An event file, open at its end.
#[derive(Debug)]
pub struct Events {
    file: fs_err::File,
}

impl Events {
    /// Starts the file of a directory, with all lines so far, in place of the one that may be there. `begun` is in
    /// seconds of the Unix epoch.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    pub fn start(dir: &Path, begun: f64, lines: &[Line]) -> Result<Events> {
        let mut bytes = record(&version(begun));
        for line in lines {
            bytes.extend(event_records(line));
        }
        let path = path(dir, begun);
        durable::replace(&path, &bytes)?;
        for other in durable::list(dir)? {
            if other != path && is_events(&durable::name(&other)) {
                fs_err::remove_file(&other)?;
            }
        }
        let file = fs_err::OpenOptions::new().append(true).open(&path)?;
        Ok(Events { file })
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// The disk is full or fails.
    pub fn add(&mut self, line: &Line) -> Result<()> {
        // In one piece: TensorBoard reads while we write.
        Ok(self.file.write_all(&event_records(line))?)
    }
}

fn path(dir: &Path, begun: f64) -> PathBuf {
    dir.join(format!("{START}{:010}{END}", begun as u64))
}

/// Returns the record of a line.
fn event_records(line: &Line) -> Vec<u8> {
    match line {
        Line::Step(line) => record(&event(line.time, line.step, &step_scalars(line))),
        Line::Eval(line) => record(&event(line.time, line.step, &eval_scalars(line))),
    }
}

/// What is drawn of a step. Hugging Face's names, so that runs of both can be laid over one another.
fn step_scalars(line: &StepLine) -> Vec<(String, f64)> {
    let mut scalars = vec![
        ("train/loss".to_owned(), line.loss),
        ("train/learning_rate".to_owned(), line.lr),
        ("train/grad_norm".to_owned(), line.grad_norm),
        ("train/epoch".to_owned(), line.epoch),
        ("train/tokens_per_second".to_owned(), line.tokens_per_second),
        ("train/padding".to_owned(), line.padding),
    ];
    scalars.extend(line.mfu.map(|it| ("train/mfu".to_owned(), it)));
    scalars.extend(line.memory.map(|it| ("train/memory_bytes".to_owned(), it as f64)));
    scalars
}

fn eval_scalars(line: &EvalLine) -> Vec<(String, f64)> {
    let mut scalars = vec![
        ("eval/loss".to_owned(), line.eval_loss),
        ("eval/perplexity".to_owned(), line.eval_ppl),
    ];
    let of = |(language, loss): (&String, &f64)| (format!("eval/loss_{language}"), *loss);
    scalars.extend(line.eval_languages.iter().map(of));
    scalars.extend(line.eval_english.map(|it| ("eval/loss_english".to_owned(), it)));
    scalars.extend(line.eval_target.map(|it| ("eval/loss_target".to_owned(), it)));
    scalars
}

// The messages of tensorboard's event.proto and summary.proto, by field number:
// Event { 1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary: Summary }
// Summary { 1 value: repeated Value }, Value { 1 tag: string, 2 simple_value: float }

/// Returns the event that every file starts with.
fn version(time: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_double(&mut bytes, 1, time);
    put_bytes(&mut bytes, 3, b"brain.Event:2");
    bytes
}

fn event(time: f64, step: u64, scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in scalars {
        let mut value = Vec::new();
        put_bytes(&mut value, 1, tag.as_bytes());
        put_key(&mut value, 2, 5);
        value.extend((*number as f32).to_le_bytes());
        put_bytes(&mut summary, 1, &value);
    }
    let mut bytes = Vec::new();
    put_double(&mut bytes, 1, time);
    put_key(&mut bytes, 2, 0);
    put_number(&mut bytes, step);
    put_bytes(&mut bytes, 5, &summary);
    bytes
}

/// Puts the key of a field: its number, and how its value is written.
fn put_key(bytes: &mut Vec<u8>, field: u8, wire: u8) {
    bytes.push(field << 3 | wire);
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while 0x7f < number {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_double(bytes: &mut Vec<u8>, field: u8, number: f64) {
    put_key(bytes, field, 1);
    bytes.extend(number.to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, field: u8, content: &[u8]) {
    put_key(bytes, field, 2);
    put_number(bytes, content.len() as u64);
    bytes.extend(content);
}

/// Frames a message: length, CRC of the length, message, CRC of the message.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked(crc32c(&length)).to_le_bytes());
    bytes.extend(message);
    bytes.extend(masked(crc32c(message)).to_le_bytes());
    bytes
}

/// Masks a CRC, so that the CRC of data that holds CRCs keeps its strength.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Returns the CRC-32C (Castagnoli) of some bytes. Records are short: bit by bit is fast enough.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0x82f6_3b78;
            }
        }
    }
    !crc
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
