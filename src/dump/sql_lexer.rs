//! The words, names and signs of SQL statements between the rows, pulled from a window.

use memchr::memchr2;

use crate::dump::{
    error::{DumpError, DumpErrorKind},
    window::Window,
};

/// The longest name or word that is kept, in bytes.
const N_NAME_LIMIT_BYTES: usize = 4 << 10;

/// One piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A bare word or number, as written.
    Word(String),
    /// A quoted name, without its quotes.
    Name(String),
    /// A string, whose text nobody needs.
    Text,
    /// Any other character.
    Sign(u8),
}

impl Token {
    /// Returns whether this is the given bare word, in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }
}

/// A window read as SQL.
pub(crate) struct Lexer {
    pub(crate) window: Window,
    /// Whether the comment that closes a dump was seen.
    pub(crate) seen_completion: bool,
}

impl Lexer {
    pub(crate) fn new(window: Window) -> Self {
        Self { window, seen_completion: false }
    }

    /// Returns the byte `ahead` of the next one, pulling as needed; `None` at the end of the text.
    pub(crate) fn peek(&mut self, ahead: usize) -> Result<Option<u8>, DumpError> {
        loop {
            if let Some(byte) = self.window.byte(ahead) {
                return Ok(Some(byte));
            }
            if !self.window.fill("row")? {
                return Ok(None);
            }
        }
    }

    /// Skips space and comments; returns the byte that follows, `None` at the end of the text.
    pub(crate) fn skip_space(&mut self) -> Result<Option<u8>, DumpError> {
        loop {
            let Some(byte) = self.peek(0)? else {
                return Ok(None);
            };
            match byte {
                _ if byte.is_ascii_whitespace() => self.window.advance(1),
                b'#' => self.skip_line()?,
                b'-' if self.peek(1)? == Some(b'-') => {
                    const COMPLETION: &[u8] = b"-- Dump completed";
                    // Only looks as far as needed to see the whole mark.
                    self.peek(COMPLETION.len())?;
                    self.seen_completion |= self.window.text().starts_with(COMPLETION);
                    self.skip_line()?;
                }
                b'/' if self.peek(1)? == Some(b'*') => self.skip_comment()?,
                // A byte order mark is no statement.
                0xef if self.window.offset() == 0 && self.peek(2)? == Some(0xbf) => {
                    self.window.advance(3);
                }
                _ => return Ok(Some(byte)),
            }
        }
    }

    /// Returns the next token, `None` at the end of the text.
    pub(crate) fn token(&mut self) -> Result<Option<Token>, DumpError> {
        let Some(byte) = self.skip_space()? else {
            return Ok(None);
        };
        Ok(Some(match byte {
            b'`' | b'"' => Token::Name(self.name(byte)?),
            b'\'' => {
                self.skip_quoted(byte)?;
                Token::Text
            }
            b'_' | b'$' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => {
                Token::Word(self.word()?)
            }
            _ => {
                self.window.advance(1);
                Token::Sign(byte)
            }
        }))
    }

    /// Returns the next token; the end of the text is an error.
    pub(crate) fn needed(&mut self) -> Result<Token, DumpError> {
        match self.token()? {
            Some(token) => Ok(token),
            None => Err(self.cut_off()),
        }
    }

    /// Skips to behind the `;` that ends the statement; the end of the text is an error.
    pub(crate) fn skip_statement(&mut self) -> Result<(), DumpError> {
        loop {
            let n_plain = self
                .window
                .text()
                .iter()
                .position(|byte| matches!(byte, b';' | b'\'' | b'"' | b'`' | b'/' | b'-' | b'#'))
                .unwrap_or(self.window.text().len());
            self.window.advance(n_plain);
            match self.peek(0)? {
                None => return Err(self.cut_off()),
                Some(b';') => {
                    self.window.advance(1);
                    return Ok(());
                }
                Some(quote @ (b'\'' | b'"' | b'`')) => self.skip_quoted(quote)?,
                // A comment, or else only a sign.
                Some(sign @ (b'/' | b'-' | b'#')) => {
                    if self.skip_space()? == Some(sign) {
                        self.window.advance(1);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Returns the error for a text that ends inside a statement.
    pub(crate) fn cut_off(&self) -> DumpError {
        let at = self.window.position(self.window.text().len());
        self.window.error(DumpErrorKind::StatementCutOff { at })
    }

    /// Returns the error for something unexpected `ahead` of the next byte.
    pub(crate) fn unexpected(&self, expected: &'static str, ahead: usize) -> DumpError {
        self.window.error(DumpErrorKind::Syntax { expected, at: self.window.position(ahead) })
    }

    fn word(&mut self) -> Result<String, DumpError> {
        let mut word = Vec::new();
        while let Some(byte @ (b'_' | b'$' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80..)) =
            self.peek(0)?
        {
            self.keep(&mut word, byte)?;
            self.window.advance(1);
        }
        Ok(String::from_utf8_lossy(&word).into_owned())
    }

    fn name(&mut self, quote: u8) -> Result<String, DumpError> {
        self.window.advance(1);
        let mut name = Vec::new();
        loop {
            match self.peek(0)? {
                None => return Err(self.cut_off()),
                Some(byte) if byte == quote && self.peek(1)? != Some(quote) => {
                    self.window.advance(1);
                    return Ok(String::from_utf8_lossy(&name).into_owned());
                }
                Some(byte) => {
                    self.keep(&mut name, byte)?;
                    self.window.advance(if byte == quote { 2 } else { 1 });
                }
            }
        }
    }

    fn keep(&self, name: &mut Vec<u8>, byte: u8) -> Result<(), DumpError> {
        if N_NAME_LIMIT_BYTES <= name.len() {
            let at = self.window.position(0);
            let limit = N_NAME_LIMIT_BYTES;
            return Err(self.window.error(DumpErrorKind::TooLong { what: "name", limit, at }));
        }
        name.push(byte);
        Ok(())
    }

    /// Skips a quoted string or name, from its first quote to behind its last.
    fn skip_quoted(&mut self, quote: u8) -> Result<(), DumpError> {
        self.window.advance(1);
        loop {
            let text = self.window.text();
            let place = memchr2(quote, b'\\', text);
            self.window.advance(place.unwrap_or(text.len()));
            match self.peek(0)? {
                None => return Err(self.cut_off()),
                Some(byte) if byte == quote => {
                    let doubled = self.peek(1)? == Some(quote);
                    self.window.advance(if doubled { 2 } else { 1 });
                    if !doubled {
                        return Ok(());
                    }
                }
                // Names have no escapes but the doubled quote.
                Some(b'\\') if quote != b'`' => {
                    self.peek(1)?;
                    self.window.advance(2);
                }
                Some(_) => {
                    if place.is_some() {
                        self.window.advance(1);
                    }
                }
            }
        }
    }

    /// Skips to the end of the line.
    fn skip_line(&mut self) -> Result<(), DumpError> {
        loop {
            let text = self.window.text();
            let place = memchr2(b'\n', b'\r', text);
            self.window.advance(place.unwrap_or(text.len()));
            if place.is_some() || self.peek(0)?.is_none() {
                return Ok(());
            }
        }
    }

    /// Skips a `/* … */`, whatever is in it.
    fn skip_comment(&mut self) -> Result<(), DumpError> {
        self.window.advance(2);
        loop {
            let text = self.window.text();
            let place = memchr::memchr(b'*', text);
            self.window.advance(place.unwrap_or(text.len()));
            match (self.peek(0)?, place) {
                (None, _) => return Err(self.cut_off()),
                (Some(_), Some(_)) if self.peek(1)? == Some(b'/') => {
                    self.window.advance(2);
                    return Ok(());
                }
                (Some(_), Some(_)) => self.window.advance(1),
                (Some(_), None) => {}
            }
        }
    }
}
