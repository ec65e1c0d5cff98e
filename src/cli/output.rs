//! What the commands that show things share: standard output, a closed pipe, text fit for a terminal.

use std::{
    io::{BufWriter, ErrorKind, IsTerminal, Write},
    path::Path,
};

use serde::Serialize;

use crate::error::{Error, Result};

/// Writes to standard output through one buffer. A closed pipe is success: the reader has seen enough.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    match written {
        Err(Error::Io(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a value as indented JSON with a line break at the end.
pub(super) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Writes a value as one line of JSON.
pub(super) fn write_json_line(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Returns whether standard output wants colours: a terminal, and nobody has said no.
pub(super) fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}

/// Returns the text with control characters made harmless; line breaks and tabs stay.
pub(super) fn visible(text: &str) -> String {
    let harmless = |it: char| match it {
        '\n' | '\t' => it,
        it if it.is_control() => '\u{FFFD}',
        it => it,
    };
    text.chars().map(harmless).collect()
}

/// Returns a directory as a shell would take it in a hint.
pub(super) fn quoted(dir: &Path) -> String {
    let text = dir.display().to_string();
    match text.contains(char::is_whitespace) {
        true => format!("'{text}'"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_disarmed() {
        assert_eq!(visible("ช้าง\n\u{1b}[2J"), "ช้าง\n\u{FFFD}[2J");
    }
}
