//! How articles are written: JSON lines or a parquet file.

use std::io::{self, Write};

use super::{article::Article, parquet::ParquetRows};
use crate::{error::Result, io::Staged};

/// Where articles go.
pub enum Output<'a> {
    /// One JSON object a line.
    Lines(&'a mut dyn Write),
    /// Rows of a parquet file.
    Parquet(Box<ParquetRows>),
}

/// An article, ready to be written.
#[derive(Debug)]
pub enum Rendered {
    /// A line of JSON with its line break.
    Line(Vec<u8>),
    /// A row to come.
    Row(Box<Article>),
}

impl Output<'_> {
    /// Starts a parquet file.
    ///
    /// # Errors
    ///
    /// The schema is refused.
    pub fn parquet(staged: Staged) -> Result<Output<'static>> {
        Ok(Output::Parquet(Box::new(ParquetRows::new(staged)?)))
    }

    /// Returns how the threads prepare articles.
    pub(super) fn render(&self) -> fn(Article) -> Rendered {
        match self {
            Output::Lines(_) => |article| {
                let mut line = Vec::with_capacity(2 * article.text.len());
                match serde_json::to_writer(&mut line, &article) {
                    Ok(()) => line.push(b'\n'),
                    Err(_) => unreachable!("an article is strings and numbers"),
                }
                Rendered::Line(line)
            },
            Output::Parquet(_) => |article| Rendered::Row(Box::new(article)),
        }
    }

    /// Writes an article.
    pub(super) fn push(&mut self, article: Rendered) -> Result<()> {
        match (self, article) {
            (Output::Lines(out), Rendered::Line(line)) => Ok(out.write_all(&line)?),
            (Output::Parquet(rows), Rendered::Row(article)) => rows.push(*article),
            _ => unreachable!("articles are prepared for the output that they go to"),
        }
    }

    /// Writes what is left, and returns the parquet file.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn finish(self) -> Result<Option<Staged>> {
        match self {
            Output::Lines(out) => {
                out.flush()?;
                Ok(None)
            }
            Output::Parquet(rows) => Ok(Some(rows.finish()?)),
        }
    }
}

/// Returns an error of the parquet library as one of writing.
pub(super) fn refused(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
