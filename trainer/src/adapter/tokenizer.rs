//! The tokenizer that belongs to a trained model: the corpus's own, with the closing token where it was added.

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::{AddedToken, Tokenizer};

use crate::{
    data::corpus::CorpusInfo,
    error::{Error, Result},
    weights::write,
};

const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Files of the base model that belong to its tokenizer or to its use, copied as they are.
const COPIED: [&str; 6] = [
    "chat_template.jinja",
    "generation_config.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.model",
    "vocab.json",
];

/// Longest file that is read.
const MAX_BYTES: u64 = 1 << 30;

/// Writes the tokenizer into a directory that exists, with the small files of the base model beside it.
///
/// # Errors
///
/// A file cannot be read or written, the tokenizer is none, or gives the closing token another id than the corpus.
pub fn write(corpus: &CorpusInfo, base: &Path, out: &Path) -> Result<()> {
    let bytes = read(&corpus.tokenizer)?;
    let bytes = if corpus.closing_added { with_closing(corpus, &bytes)? } else { bytes };
    write::write_bytes(&out.join(TOKENIZER), &bytes)?;
    write::write_json(&out.join(TOKENIZER_CONFIG), &tokenizer_config(corpus, base)?)?;
    for name in COPIED {
        let path = base.join(name);
        if fs_err::exists(&path)? {
            write::write_bytes(&out.join(name), &read(&path)?)?;
        }
    }
    Ok(())
}

/// Copies the tokenizer beside an adapter, and the small files of its base, into a directory that exists.
///
/// # Errors
///
/// A file cannot be read or written.
pub fn copy(adapter: &Path, base: &Path, out: &Path) -> Result<()> {
    for name in [TOKENIZER, TOKENIZER_CONFIG].into_iter().chain(COPIED) {
        let places = [adapter.join(name), base.join(name)];
        if let Some(path) = places.iter().find(|it| it.exists()) {
            write::write_bytes(&out.join(name), &read(path)?)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    if MAX_BYTES < fs_err::metadata(path)?.len() {
        return Err(Error::file(path, format!("is longer than {MAX_BYTES} bytes"), ""));
    }
    Ok(fs_err::read(path)?)
}

/// Returns `tokenizer.json` with one special token more.
fn with_closing(corpus: &CorpusInfo, bytes: &[u8]) -> Result<Vec<u8>> {
    let hint = "the corpus directory is damaged: run `crossic verify`";
    let broken = |what: String| Error::file(&corpus.tokenizer, what, hint);
    let mut tokenizer = Tokenizer::from_bytes(bytes)
        .map_err(|error| broken(format!("is no tokenizer: {error}")))?;
    tokenizer.add_special_tokens(&[AddedToken::from(corpus.closing.as_str(), true)]);
    match tokenizer.token_to_id(&corpus.closing) {
        Some(id) if id == corpus.closing_id => {}
        other => {
            return Err(broken(format!(
                "gives `{}` the id {other:?}, but the corpus has {}",
                corpus.closing, corpus.closing_id
            )));
        }
    }
    let text = tokenizer
        .to_string(true)
        .map_err(|error| broken(format!("cannot be written again: {error}")))?;
    Ok(text.into_bytes())
}

/// Returns the base's `tokenizer_config.json`, or the least that transformers needs.
fn tokenizer_config(corpus: &CorpusInfo, base: &Path) -> Result<Value> {
    let path = base.join(TOKENIZER_CONFIG);
    if !fs_err::exists(&path)? {
        return Ok(json!({
            "clean_up_tokenization_spaces": false,
            "tokenizer_class": "PreTrainedTokenizerFast",
        }));
    }
    let mut config: Map<String, Value> =
        serde_json::from_slice(&read(&path)?).map_err(|error| {
            Error::file(&path, format!("is no JSON object: {error}"), "fetch the model again")
        })?;
    // Where the file repeats the added tokens, the slow tokenizers of transformers believe it alone.
    let decoder = config.get_mut("added_tokens_decoder").and_then(Value::as_object_mut);
    if let Some(decoder) = decoder.filter(|_| corpus.closing_added) {
        let token = json!({
            "content": corpus.closing, "lstrip": false, "normalized": false, "rstrip": false,
            "single_word": false, "special": true,
        });
        decoder.insert(corpus.closing_id.to_string(), token);
    }
    Ok(Value::Object(config))
}
