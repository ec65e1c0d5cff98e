//! Whether the base model of a `[train]` is there, can be trained, and fits the corpus: before a run.

use std::path::{Path, PathBuf};

use crossic_trainer::{
    settings::{Init, Settings},
    weights::config::{CONFIG, ModelConfig},
};

use crate::{
    error::{Error, Result},
    io,
};

/// Reads the configuration of a `[train]`'s model; `None` if its directory has no `config.json` yet.
///
/// # Errors
///
/// The file cannot be read, or is not the configuration of a model that is trained here.
pub fn find(dir: &Path) -> Result<Option<ModelConfig>> {
    // A path through a file is no directory either.
    if !dir.join(CONFIG).is_file() {
        return Ok(None);
    }
    let config = ModelConfig::read(dir).map_err(|error| Error::Usage {
        what: error.to_string(),
        hint: error.hint().unwrap_or_else(|| download(dir)),
    });
    config.map(Some)
}

/// Makes sure that a run finds its model: configuration, weights unless they are drawn, and a
/// vocabulary that holds every token of the corpus.
///
/// # Errors
///
/// Something is missing or does not fit; each says what to do.
pub fn require(settings: &Settings) -> Result<ModelConfig> {
    let dir = &settings.model;
    let Some(model) = find(dir)? else {
        return Err(Error::Usage {
            what: format!("the model `{}` is not there: no `{CONFIG}` in it", dir.display()),
            hint: download(dir),
        });
    };
    if settings.init == Init::Pretrained && !has_weights(dir)? {
        return Err(Error::Usage {
            what: format!("the model `{}` has no weights: no `*.safetensors` in it", dir.display()),
            hint: format!("{}, or set `init = \"random\"`", download(dir)),
        });
    }
    Ok(model)
}

/// Returns what to do where a model is not there.
pub fn download(dir: &Path) -> String {
    format!(
        "download it with its `config.json`, `*.safetensors` and `tokenizer.json`, such as \
         `hf download OWNER/MODEL --local-dir {}`, or point `train.model` elsewhere",
        dir.display()
    )
}

fn has_weights(dir: &Path) -> Result<bool> {
    for entry in fs_err::read_dir(dir)? {
        if entry?.path().extension().is_some_and(|it| it == "safetensors") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes sure that a model has an embedding for every token of a tokenizer of `n_ids` ids.
///
/// # Errors
///
/// The vocabulary of the model is smaller.
pub fn check_vocabulary(
    model: &ModelConfig,
    dir: &Path,
    n_ids: u32,
    tokenizer: &Path,
) -> Result<()> {
    if n_ids as usize <= model.vocab_size {
        return Ok(());
    }
    Err(Error::Usage {
        what: format!(
            "the model `{}` knows {} tokens, but the tokenizer of the corpus, `{}`, has {n_ids}",
            dir.display(),
            model.vocab_size,
            tokenizer.display()
        ),
        hint: other_tokenizer(dir),
    })
}

/// Makes sure that the tokenizer of a model, where one lies beside it, is that of the corpus.
///
/// # Errors
///
/// It gives other ids to the same text.
pub fn check_tokenizer(dir: &Path, corpus_tokenizer: &Path) -> Result<()> {
    let of_model: PathBuf = dir.join("tokenizer.json");
    if !of_model.is_file() || io::hash_file(&of_model)? == io::hash_file(corpus_tokenizer)? {
        return Ok(());
    }
    let read = |path: &Path| -> Result<_> {
        let vocabulary =
            crossic_operators::vocabulary::Vocabulary::from_bytes(&fs_err::read(path)?);
        vocabulary.map_err(|cause| Error::Usage {
            what: format!("`{}`: {cause}", path.display()),
            hint: download(dir),
        })
    };
    let (model, corpus) = (read(&of_model)?, read(corpus_tokenizer)?);
    // Files differ by layout and by special tokens without harm; ids of plain text must not.
    let differs = PROBES.iter().any(|text| model.encode(text) != corpus.encode(text));
    match differs {
        false => Ok(()),
        true => Err(Error::Usage {
            what: format!(
                "the corpus was not made with the tokenizer of the model, `{}`",
                of_model.display()
            ),
            hint: other_tokenizer(dir),
        }),
    }
}

fn other_tokenizer(dir: &Path) -> String {
    format!(
        "set `tokenizer = \"{}\"` in the operators of the pipeline and build the corpus again",
        dir.join("tokenizer.json").display()
    )
}

/// Texts in several scripts that two tokenizers hardly encode alike unless they are the same.
const PROBES: [&str; 4] = [
    "The elephant is the largest living land animal; it weighs 5,000 kg.\n\n",
    "El elefante vive en África y Asia. ¿Cuánto pesa?\n\n",
    "ช้างเป็นสัตว์เลี้ยงลูกด้วยนมขนาดใหญ่\n\n",
    "象は陸上で最大の動物である。 الفيل حيوان ضخم",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_a_configuration_has_no_model() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path()).unwrap(), None);
        fs_err::write(dir.path().join(CONFIG), r#"{"model_type":"mamba"}"#).unwrap();
        let error = find(dir.path()).unwrap_err();
        assert!(error.to_string().contains("`mamba`"), "{error}");
        assert_eq!(error.exit_code(), 2);
        assert_eq!(find(&dir.path().join(CONFIG)).unwrap(), None);
    }
}
