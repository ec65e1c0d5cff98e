//! Reads the heads of statements: which columns a CREATE TABLE has, and what an INSERT fills.

use crate::dump::{
    error::DumpError,
    sql_lexer::{Lexer, Token},
};

/// A statement whose head was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// A CREATE TABLE, read to its `;`: the table and its columns.
    Create { table: String, columns: Vec<String> },
    /// An INSERT, read up to its first row: the table, and its columns if it lists them.
    Insert { table: String, columns: Option<Vec<String>> },
    /// Any other statement, read to its `;`.
    Other,
}

/// Reads the head of the next statement; returns `None` at the end of the text.
pub(crate) fn next_head(lexer: &mut Lexer) -> Result<Option<Head>, DumpError> {
    let Some(first) = lexer.token()? else {
        return Ok(None);
    };
    if first == Token::Sign(b';') {
        return Ok(Some(Head::Other));
    }
    let head = if first.is_word("create") {
        create(lexer)?
    } else if first.is_word("insert") || first.is_word("replace") {
        insert(lexer)?
    } else {
        Err(Token::Text)
    };
    match head {
        Ok(head) => Ok(Some(head)),
        Err(Token::Sign(b';')) => Ok(Some(Head::Other)),
        Err(_) => {
            lexer.skip_statement()?;
            Ok(Some(Head::Other))
        }
    }
}

/// Reads a CREATE TABLE from behind its first word; gives back the token that is no part of one.
fn create(lexer: &mut Lexer) -> Result<Result<Head, Token>, DumpError> {
    let mut token = lexer.needed()?;
    if token.is_word("temporary") {
        token = lexer.needed()?;
    }
    if !token.is_word("table") {
        return Ok(Err(token));
    }
    token = lexer.needed()?;
    for word in ["if", "not", "exists"] {
        if token.is_word(word) {
            token = lexer.needed()?;
        }
    }
    let (table, token) = match name(lexer, token)? {
        Ok(named) => named,
        Err(token) => return Ok(Err(token)),
    };
    if token != Token::Sign(b'(') {
        return Ok(Err(token));
    }
    let mut columns = Vec::new();
    let mut depth = 1u32;
    let mut at_start = true;
    while 0 < depth {
        let token = lexer.needed()?;
        if at_start {
            columns.extend(column(&token));
        }
        at_start = depth == 1 && token == Token::Sign(b',');
        match token {
            Token::Sign(b'(') => depth += 1,
            Token::Sign(b')') => depth -= 1,
            Token::Sign(b';') => return Ok(Err(token)),
            _ => {}
        }
    }
    lexer.skip_statement()?;
    Ok(Ok(Head::Create { table, columns }))
}

/// Returns the column that a definition beginning with `token` defines, `None` if it is a key.
fn column(token: &Token) -> Option<String> {
    const KEYS: [&str; 10] = [
        "primary",
        "key",
        "unique",
        "index",
        "constraint",
        "fulltext",
        "spatial",
        "foreign",
        "check",
        "period",
    ];
    match token {
        Token::Name(name) => Some(name.clone()),
        Token::Word(word) if !KEYS.iter().any(|key| token.is_word(key)) => Some(word.clone()),
        _ => None,
    }
}

/// Reads an INSERT from behind its first word up to its first row.
fn insert(lexer: &mut Lexer) -> Result<Result<Head, Token>, DumpError> {
    let mut token = lexer.needed()?;
    while ["low_priority", "delayed", "high_priority", "ignore", "into"]
        .iter()
        .any(|word| token.is_word(word))
    {
        token = lexer.needed()?;
    }
    let (table, mut token) = match name(lexer, token)? {
        Ok(named) => named,
        Err(token) => return Ok(Err(token)),
    };
    let mut columns = None;
    if token == Token::Sign(b'(') {
        let mut listed = Vec::new();
        loop {
            match lexer.needed()? {
                Token::Name(column) | Token::Word(column) => listed.push(column),
                Token::Sign(b',') => {}
                Token::Sign(b')') => break,
                other => return Ok(Err(other)),
            }
        }
        columns = Some(listed);
        token = lexer.needed()?;
    }
    match token.is_word("values") || token.is_word("value") {
        true => Ok(Ok(Head::Insert { table, columns })),
        false => Ok(Err(token)),
    }
}

/// Reads the rest of a name that begins with `token`, as `db`.`table`, and the token behind it.
fn name(lexer: &mut Lexer, token: Token) -> Result<Result<(String, Token), Token>, DumpError> {
    let (Token::Name(mut last) | Token::Word(mut last)) = token else {
        return Ok(Err(token));
    };
    loop {
        match lexer.needed()? {
            Token::Sign(b'.') => match lexer.needed()? {
                Token::Name(part) | Token::Word(part) => last = part,
                other => return Ok(Err(other)),
            },
            behind => return Ok(Ok((last, behind))),
        }
    }
}
