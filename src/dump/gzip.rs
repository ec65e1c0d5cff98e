//! Decodes a gzip file of one or many members, with every checksum and length checked.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::dump::input::Input;

/// What can go wrong while decoding, before it is known where.
pub(crate) enum Fault {
    /// The file could not be read.
    Io(io::Error),
    /// The compressed data ends before its own end mark.
    Truncated,
    /// The decoder refuses the data.
    Damaged(io::Error),
    /// Other bytes follow the compressed data.
    Trailing,
}

/// The members of a gzip file, one after another.
pub(crate) struct Members {
    state: State,
}

enum State {
    /// Inside a member.
    Inside(Box<GzDecoder<Input>>),
    /// Behind the last member.
    Behind(Input),
    /// Only while a state replaces another.
    Moving,
}

impl Members {
    /// Starts with the member at the input's offset.
    pub(crate) fn new(input: Input) -> Self {
        Self { state: State::Inside(Box::new(GzDecoder::new(input))) }
    }

    /// Returns how many bytes of the file are taken.
    pub(crate) fn offset(&self) -> u64 {
        match &self.state {
            State::Inside(decoder) => decoder.get_ref().offset(),
            State::Behind(input) => input.offset(),
            State::Moving => 0,
        }
    }

    /// Appends up to `n_bytes` of text; returns false once the last member has ended.
    pub(crate) fn read(&mut self, text: &mut Vec<u8>, n_bytes: usize) -> Result<bool, Fault> {
        let State::Inside(decoder) = &mut self.state else {
            return Ok(false);
        };
        let n_before = text.len();
        text.reserve(n_bytes);
        decoder.take(n_bytes as u64).read_to_end(text).map_err(fault)?;
        if n_before < text.len() {
            return Ok(true);
        }
        // Nothing came, so the member ended and its checksum was right.
        let State::Inside(decoder) = std::mem::replace(&mut self.state, State::Moving) else {
            return Ok(false);
        };
        let mut input = decoder.into_inner();
        let another = skip_padding(&mut input, 0x1f);
        self.state = match another {
            Ok(true) => State::Inside(Box::new(GzDecoder::new(input))),
            Ok(false) | Err(_) => State::Behind(input),
        };
        another
    }
}

fn fault(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Truncated,
        // The decoder uses these two for bad headers, bad codes and sums that do not fit.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Fault::Damaged(error),
        _ => Fault::Io(error),
    }
}

/// Skips zero padding; returns whether a byte `magic` follows, false at the end of the file.
pub(crate) fn skip_padding(input: &mut Input, magic: u8) -> Result<bool, Fault> {
    let mut padded = false;
    loop {
        let bytes = input.fill_buf().map_err(Fault::Io)?;
        match bytes.first() {
            None => return Ok(false),
            Some(&byte) if byte == magic && !padded => return Ok(true),
            Some(0) => {}
            Some(_) => return Err(Fault::Trailing),
        }
        padded = true;
        let n_zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        input.consume(n_zeros);
    }
}
