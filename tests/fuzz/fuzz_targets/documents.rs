//! Reads any bytes as web documents, JSON lines or parquet: no panic that leaves the reader, and the
//! same documents whatever the batches.
//!
//! The first byte is the size of the batches; the rest is the file.

#![no_main]

mod files;

use std::path::Path;

use crossic::dump::{
    documents::{
        document::WebDocument,
        file::{Batch, DocumentFile},
        screen::{Refused, Screen},
    },
    parquet::ArticleParquet,
};
use libfuzzer_sys::fuzz_target;

/// Documents and refused ones up to the end or the first error, and whether there was an error.
type Found = (Vec<WebDocument>, Vec<Refused>, bool);

fn found(path: &Path, screen: &Screen, n_bytes: usize) -> Found {
    let (mut documents, mut refused, mut batch) = (Vec::new(), Vec::new(), Batch::default());
    let Ok(mut file) = DocumentFile::open(path, screen) else {
        return (documents, refused, true);
    };
    loop {
        let more = file.next_batch_of(n_bytes, &mut batch);
        assert!(more.is_ok() || batch == Batch::default(), "a batch came with an error");
        documents.append(&mut batch.documents);
        refused.append(&mut batch.refused);
        match more {
            Ok(true) => {}
            Ok(false) => return (documents, refused, false),
            Err(_) => return (documents, refused, true),
        }
    }
}

/// Lets panics of the parquet library pass, which the readers turn into errors.
fn pass_panics_of_the_library() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or("", |it| it.file());
        if !place.contains("/registry/") && !place.contains("/library/") {
            abort(info);
        }
    }));
}

fuzz_target!(init: pass_panics_of_the_library(), |bytes: &[u8]| {
    let Some((&n_bytes, rest)) = bytes.split_first() else {
        return;
    };
    let path = files::put("documents", rest);
    let any = Screen { language: None, min_words: 1, mirrors: true, ..Screen::default() };
    let in_one = found(&path, &any, 32 << 20);
    // A batch that fails is empty, so where there was an error fewer documents may have come.
    let in_parts = found(&path, &any, 1 + 16 * usize::from(n_bytes));
    match in_one.2 || in_parts.2 {
        true => assert!(in_parts.0.starts_with(&in_one.0) || in_one.0.starts_with(&in_parts.0)),
        false => assert_eq!(in_parts, in_one),
    }
    let strict = Screen { min_score: Some(3.0), min_language_score: Some(0.65), ..Screen::default() };
    for document in found(&path, &strict, 32 << 20).0 {
        assert!(0 < document.n_paragraphs);
    }
    if rest.starts_with(b"PAR1") {
        let mut articles = Vec::new();
        if let Ok(mut file) = ArticleParquet::open(&path) {
            while let Ok(true) = file.next_batch(&mut articles) {}
        }
    }
});
