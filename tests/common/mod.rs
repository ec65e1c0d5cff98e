//! Helpers of the tests: packing bytes as gzip and bzip2, and putting them in a file.

#![allow(dead_code, reason = "each test program uses some of them")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    io::{Read, Write},
    path::Path,
};

use tempfile::NamedTempFile;

/// Returns a file with these bytes.
pub(crate) fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file.flush().unwrap();
    file
}

/// Returns one gzip member.
pub(crate) fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Returns one bzip2 stream.
pub(crate) fn bz2(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = bzip2::read::BzEncoder::new(text, bzip2::Compression::fast());
    encoder.read_to_end(&mut packed).unwrap();
    packed
}

/// Returns one bzip2 stream of several blocks of 100 kB, which begin at any bit.
pub(crate) fn bz2_blocks(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = bzip2::read::BzEncoder::new(text, bzip2::Compression::new(1));
    encoder.read_to_end(&mut packed).unwrap();
    packed
}

/// Returns the pages of a file with pages between them that no one wants, as one stream; about
/// 6 bytes come of each of the words of such a page.
pub(crate) fn one_stream(packed: &[u8], n_words: usize) -> Vec<u8> {
    let mut xml = String::new();
    bzip2::read::MultiBzDecoder::new(packed).read_to_string(&mut xml).unwrap();
    let (mut large, mut state) = (String::new(), 1_u64);
    for (part, id) in xml.split_inclusive("</page>").zip(900_000..) {
        large.push_str(part);
        if !part.ends_with("</page>") {
            continue;
        }
        large.push_str(&format!(
            "<page><title>Talk:{id}</title><ns>1</ns><id>{id}</id><revision><text>"
        ));
        for _ in 0..n_words {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            large.push_str(&format!("{:012x} ", state >> 16));
        }
        large.push_str("</text></revision></page>");
    }
    bz2_blocks(large.as_bytes())
}

/// Returns the text as bzip2 streams, cut at these places.
pub(crate) fn bz2_cut(text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| (*cut).min(text.len())).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).flat_map(|pair| bz2(&text[pair[0]..pair[1]])).collect()
}

/// Returns a path's error as one line, with the file's name left out.
pub(crate) fn line(error: &crossic::dump::error::DumpError, path: &Path) -> String {
    error.to_string().replace(&format!("`{}`: ", path.display()), "")
}
