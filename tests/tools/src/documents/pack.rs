//! Packs the sources of the sample documents into parquet files with the columns of Fineweb-edu.

use std::path::{Path, PathBuf};

use polars::prelude::{
    Column, DataFrame, IntoColumn, NamedFrom, ParquetCompression, ParquetWriter, Series,
};

use super::source::{self, SourceDocument};
use crate::error::{Complaint, Error};

/// How many files are made, so that there is more than one to read.
const N_FILES: usize = 2;

/// Rows of a row group; real files have more, but the samples are small.
const GROUP_ROWS: usize = 20;

/// A file that was packed.
#[derive(Debug)]
pub struct Packed {
    /// The file.
    pub path: PathBuf,
    /// How many documents it holds.
    pub n_documents: usize,
}

/// Packs every `.txt` of `sources`, in the order of their names, into `out`; nothing is written if one is bad.
pub fn pack(sources: &Path, out: &Path) -> Result<Vec<Packed>, Error> {
    let documents = read(sources)?;
    fs_err::create_dir_all(out)?;
    let mut packed = Vec::new();
    for (index, part) in documents.chunks(documents.len().div_ceil(N_FILES)).enumerate() {
        let path = out.join(format!("{index:03}_00000.parquet"));
        write(&path, part)?;
        packed.push(Packed { path, n_documents: part.len() });
    }
    Ok(packed)
}

fn read(sources: &Path) -> Result<Vec<SourceDocument>, Error> {
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(sources)? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|it| it == "txt"));
    paths.sort();
    let mut documents: Vec<SourceDocument> = Vec::new();
    let mut complaints = Vec::new();
    for path in paths {
        match source::parse(&path, &fs_err::read_to_string(&path)?) {
            // The address is what names a document in the labels.
            Ok(document) if documents.iter().any(|it| it.url == document.url) => {
                let message = format!("another document has the address `{}`", document.url);
                complaints.push(Complaint { path, line: 1, message });
            }
            Ok(document) => documents.push(document),
            Err(found) => complaints.extend(found),
        }
    }
    if !complaints.is_empty() {
        return Err(Error::Sources(complaints));
    }
    if documents.is_empty() {
        return Err(Error::Request(format!("there is no `.txt` in `{}`", sources.display())));
    }
    Ok(documents)
}

fn write(path: &Path, documents: &[SourceDocument]) -> Result<(), Error> {
    let texts = |name: &str, value: &dyn Fn(&SourceDocument) -> String| -> Column {
        let values: Vec<String> = documents.iter().map(value).collect();
        Series::new(name.into(), values).into_column()
    };
    let floats = |name: &str, value: &dyn Fn(&SourceDocument) -> f64| -> Column {
        let values: Vec<f64> = documents.iter().map(value).collect();
        Series::new(name.into(), values).into_column()
    };
    let integers = |name: &str, value: &dyn Fn(&SourceDocument) -> i64| -> Column {
        let values: Vec<i64> = documents.iter().map(value).collect();
        Series::new(name.into(), values).into_column()
    };
    let columns = vec![
        texts("text", &|it| it.text.clone()),
        texts("id", &|it| urn(&it.url)),
        texts("dump", &|it| it.dump.clone()),
        texts("url", &|it| it.url.clone()),
        texts("date", &|it| it.date.clone()),
        texts("file_path", &|it| format!("s3://commoncrawl/crawl-data/{}/sample.warc.gz", it.dump)),
        texts("language", &|it| it.language.clone()),
        floats("language_score", &|it| it.language_score),
        // The real count is of GPT-2 tokens; in English one has some four letters.
        integers("token_count", &|it| it.text.chars().count().div_ceil(4) as i64),
        floats("score", &|it| it.score),
        integers("int_score", &|it| it.score.round() as i64),
    ];
    let mut frame = DataFrame::new_infer_height(columns)?;
    let file = fs_err::File::create(path)?;
    ParquetWriter::new(file)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(GROUP_ROWS))
        .set_parallel(false)
        .finish(&mut frame)?;
    Ok(())
}

/// Returns an id as Common Crawl writes it: the digits of a random UUID, here those of a hash.
fn urn(url: &str) -> String {
    let hash = blake3::hash(url.as_bytes()).to_hex();
    let digits: Vec<char> = hash.chars().take(32).collect();
    let parts: Vec<String> = [0..8, 8..12, 12..16, 16..20, 20..32]
        .into_iter()
        .map(|range| digits.iter().skip(range.start).take(range.len()).collect())
        .collect();
    format!("<urn:uuid:{}>", parts.join("-"))
}
