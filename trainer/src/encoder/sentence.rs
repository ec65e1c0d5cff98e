//! What the files of sentence-transformers say beside a model: how tokens become one vector, and how many there may be.

use std::path::Path;

use serde_json::{Map, Value};

use super::shape::SUPPORTED;
use crate::{
    error::{Error, Result},
    weights::fields::{self, Fields},
};

/// File that says how tokens become one vector. `modules.json` could name another, but no path is taken from a file.
pub(super) const POOLING: &str = "1_Pooling/config.json";
/// File that says how many tokens there may be.
pub(super) const LENGTH: &str = "sentence_bert_config.json";
/// File that lists what comes after the model.
pub(super) const MODULES: &str = "modules.json";
/// File of the tokenizer that may bound the length, too.
pub(super) const TOKENIZER: &str = "tokenizer_config.json";

/// How the tokens of a text become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of all tokens, special ones included.
    Mean,
    /// The first token.
    Cls,
}

/// What the files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    /// How tokens become one vector; none where no file says so.
    pub(super) pooling: Option<Pooling>,
    /// Tokens of a text at most; none where no file says so.
    pub(super) max_tokens: Option<usize>,
    /// Whether texts are in lower case before the tokenizer sees them.
    pub(super) lower: bool,
}

impl Sentence {
    /// Reads the files that are there.
    ///
    /// # Errors
    ///
    /// A file is damaged or asks for something that is not computed; the message names it.
    pub(super) fn read(dir: &Path) -> Result<Sentence> {
        refuse_modules(dir)?;
        let object = |name: &str| -> Result<(std::path::PathBuf, Map<String, Value>)> {
            let path = dir.join(name);
            let map = fields::read_object(&path)?.unwrap_or_default();
            Ok((path, map))
        };
        let (path, map) = object(POOLING)?;
        let pooling = pooling(&Fields { path, map: &map, supported: SUPPORTED })?;
        let (path, map) = object(LENGTH)?;
        let fields = Fields { path, map: &map, supported: SUPPORTED };
        let own = fields.optional_size("max_seq_length", 1 << 24)?;
        let lower = fields.flag("do_lower_case")?;
        let (path, map) = object(TOKENIZER)?;
        let fields = Fields { path, map: &map, supported: SUPPORTED };
        // Tokenizers without a limit say 10^30.
        let limit = fields.number("model_max_length")?.filter(|it| (1.0..1e9).contains(it));
        Ok(Sentence { pooling, max_tokens: own.or(limit.map(|it| it as usize)), lower })
    }
}

/// Returns the only way of pooling that is switched on.
fn pooling(fields: &Fields<'_>) -> Result<Option<Pooling>> {
    let mut on: Vec<&str> = Vec::new();
    // Of late one field names it; before, there was a switch for each.
    if let Some(name) = fields.text("pooling_mode")? {
        on.push(name);
    }
    for key in fields.map.keys().filter(|it| it.starts_with("pooling_mode_")) {
        if fields.flag(key)? {
            on.push(key.trim_start_matches("pooling_mode_").trim_end_matches("_tokens"));
        }
    }
    on.dedup();
    match on.as_slice() {
        [] => Ok(None),
        ["mean"] => Ok(Some(Pooling::Mean)),
        ["cls" | "cls_token"] => Ok(Some(Pooling::Cls)),
        others => Err(fields.unsupported(format!("pooling by `{}`", others.join("` and `")))),
    }
}

/// Refuses modules that would change the vector, such as a dense layer after pooling.
fn refuse_modules(dir: &Path) -> Result<()> {
    let path = dir.join(MODULES);
    let Some(bytes) = fields::read_bytes(&path)? else { return Ok(()) };
    let hint = "fetch the file again";
    let modules: Vec<Map<String, Value>> = serde_json::from_slice(&bytes)
        .map_err(|error| Error::file(&path, format!("is no list of modules: {error}"), hint))?;
    for map in &modules {
        let fields = Fields { path: path.clone(), map, supported: SUPPORTED };
        let Some(name) = fields.text("type")? else { continue };
        let last = name.rsplit('.').next().unwrap_or(name);
        if !matches!(last, "Transformer" | "Pooling" | "Normalize") {
            return Err(fields.unsupported(format!("the module `{name}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Sentence> {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir(dir.path().join("1_Pooling")).unwrap();
        for (name, text) in files {
            fs_err::write(dir.path().join(name), text).unwrap();
        }
        Sentence::read(dir.path())
    }

    #[test]
    fn nothing_is_said_by_no_files() {
        let found = read(&[]).unwrap();
        assert_eq!(found, Sentence { pooling: None, max_tokens: None, lower: false });
    }

    #[test]
    fn switches_and_names_of_pooling_are_read() {
        let pooling = |text: &str| read(&[(POOLING, text)]).map(|it| it.pooling);
        let mean = r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#;
        assert_eq!(pooling(mean).unwrap(), Some(Pooling::Mean));
        assert_eq!(pooling(r#"{"pooling_mode_cls_token": true}"#).unwrap(), Some(Pooling::Cls));
        assert_eq!(pooling(r#"{"pooling_mode": "mean"}"#).unwrap(), Some(Pooling::Mean));
        for (text, name) in [
            (r#"{"pooling_mode_max_tokens": true}"#, "`max`"),
            (r#"{"pooling_mode": "lasttoken"}"#, "`lasttoken`"),
            (r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#, "`mean`"),
        ] {
            let error = pooling(text).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.hint().unwrap().contains("pooled by mean"));
        }
    }

    #[test]
    fn the_length_is_that_of_the_sentence_file_before_the_tokenizers() {
        let length = |files: &[(&str, &str)]| read(files).unwrap().max_tokens;
        let own = (LENGTH, r#"{"max_seq_length": 256}"#);
        let limit = (TOKENIZER, r#"{"model_max_length": 512}"#);
        assert_eq!(length(&[own, limit]), Some(256));
        assert_eq!(length(&[limit]), Some(512));
        assert_eq!(length(&[(TOKENIZER, r#"{"model_max_length": 1e30}"#)]), None);
    }

    #[test]
    fn modules_that_change_the_vector_are_refused() {
        let list = |last: &str| {
            format!(
                r#"[{{"type": "sentence_transformers.models.Transformer"}}, {{"type": "{last}"}}]"#
            )
        };
        read(&[(MODULES, &list("sentence_transformers.models.Normalize"))]).unwrap();
        let dense = list("sentence_transformers.models.Dense");
        let error = read(&[(MODULES, &dense)]).unwrap_err();
        assert!(error.to_string().contains("`sentence_transformers.models.Dense`"), "{error}");
        assert!(read(&[(MODULES, "{}")]).is_err());
    }
}
