//! What a base model is made of, out of its `config.json`: for checks and estimates before a run.
//!
//! The trainer reads the file for itself when it loads the model, and refuses what it cannot compute.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crossic_trainer::settings::{Init, Settings};
use serde::Deserialize;

use crate::{
    error::{Error, Result},
    io,
};

/// The file of a model directory that says what the model is.
const CONFIG: &str = "config.json";

/// The shape of a base model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Model {
    /// `llama`, `qwen2` or something else.
    #[serde(rename = "model_type")]
    pub family: String,
    /// Numbers of a token between blocks.
    pub hidden_size: u64,
    /// Numbers of a token within the feed-forward layer.
    pub intermediate_size: u64,
    /// Blocks.
    pub num_hidden_layers: u64,
    /// Attention heads.
    pub num_attention_heads: u64,
    /// Heads of keys and values; as many as there are heads where it is left out.
    num_key_value_heads: Option<u64>,
    /// Numbers of a head.
    head_dim: Option<u64>,
    /// Rows of the embedding.
    pub vocab_size: u64,
    /// Whether embedding and output layer are one.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Most tokens of a text that the model was made for.
    pub max_position_embeddings: Option<u64>,
    #[serde(default)]
    attention_bias: bool,
}

/// Model families that the trainer computes.
pub const FAMILIES: [&str; 2] = ["llama", "qwen2"];

impl Model {
    /// Reads the model of a `[train]`; `None` if its directory has no `config.json` yet.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not the configuration of a model.
    pub fn find(dir: &Path) -> Result<Option<Model>> {
        let path = dir.join(CONFIG);
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        #[derive(Deserialize)]
        struct Family {
            model_type: Option<String>,
        }
        let wrong = |what: String| Error::Usage {
            what: format!("`{}` {what}", path.display()),
            hint: format!("models of these types are trained: {}", FAMILIES.join(", ")),
        };
        let family: Family = serde_json::from_str(&text)
            .map_err(|cause| wrong(format!("is not the configuration of a model: {cause}")))?;
        match family.model_type.as_deref() {
            Some(family) if FAMILIES.contains(&family) => {}
            Some(other) => return Err(wrong(format!("is of a model of type `{other}`"))),
            None => return Err(wrong("does not say its `model_type`".to_owned())),
        }
        let model: Model = serde_json::from_str(&text)
            .map_err(|cause| wrong(format!("is not the configuration of a model: {cause}")))?;
        match model.num_attention_heads {
            0 => Err(wrong("has no attention heads".to_owned())),
            _ => Ok(Some(model)),
        }
    }

    /// Returns the widths of a token's queries and of its keys or values.
    fn attention_widths(&self) -> (u64, u64) {
        let heads = self.num_attention_heads;
        let head = self.head_dim.unwrap_or(self.hidden_size / heads.max(1));
        (heads * head, self.num_key_value_heads.unwrap_or(heads) * head)
    }

    /// Returns inputs and outputs of a linear layer of a block; `None` if there is no such layer.
    fn linear(&self, name: &str) -> Option<(u64, u64)> {
        let (queries, keys) = self.attention_widths();
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        Some(match name {
            "q_proj" => (hidden, queries),
            "k_proj" | "v_proj" => (hidden, keys),
            "o_proj" => (queries, hidden),
            "gate_proj" | "up_proj" => (hidden, inner),
            "down_proj" => (inner, hidden),
            _ => return None,
        })
    }

    /// Returns the number of weights.
    pub fn n_parameters(&self) -> u64 {
        let (queries, keys) = self.attention_widths();
        let linears: u64 = crossic_trainer::settings::LINEARS
            .iter()
            .filter_map(|name| self.linear(name))
            .map(|(inputs, outputs)| inputs * outputs)
            .sum();
        let bias = match (self.family.as_str(), self.attention_bias) {
            ("qwen2", _) => queries + 2 * keys,
            (_, true) => queries + 2 * keys + self.hidden_size,
            _ => 0,
        };
        let block = linears + bias + 2 * self.hidden_size;
        let embedding = self.vocab_size * self.hidden_size;
        let n_embeddings = if self.tie_word_embeddings { 1 } else { 2 };
        self.num_hidden_layers * block + n_embeddings * embedding + self.hidden_size
    }

    /// Returns the number of weights of adapters on these layers.
    pub fn n_adapter_parameters(&self, rank: usize, targets: &[String]) -> u64 {
        let layers = targets.iter().filter_map(|name| self.linear(name));
        let n: u64 = layers.map(|(inputs, outputs)| rank as u64 * (inputs + outputs)).sum();
        self.num_hidden_layers * n
    }
}

/// Makes sure that a run finds its model: configuration, weights unless they are drawn, and a
/// vocabulary that holds every token of the corpus.
///
/// # Errors
///
/// Something is missing or does not fit; each says what to do.
pub fn require(settings: &Settings) -> Result<Model> {
    let dir = &settings.model;
    let Some(model) = Model::find(dir)? else {
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
pub fn check_vocabulary(model: &Model, dir: &Path, n_ids: u32, tokenizer: &Path) -> Result<()> {
    if u64::from(n_ids) <= model.vocab_size {
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
    use crossic_trainer::settings::LINEARS;

    fn model(json: &str) -> Model {
        serde_json::from_str(json).unwrap()
    }

    fn adapters(model: &Model) -> u64 {
        model.n_adapter_parameters(64, &LINEARS.map(str::to_owned))
    }

    #[test]
    fn published_models_have_their_published_sizes() {
        let qwen = model(
            r#"{"model_type":"qwen2","hidden_size":1536,"intermediate_size":8960,"num_hidden_layers":28,
            "num_attention_heads":12,"num_key_value_heads":2,"vocab_size":151936,"tie_word_embeddings":true}"#,
        );
        assert_eq!(qwen.n_parameters(), 1_543_714_304);
        assert_eq!(adapters(&qwen), 73_859_072);
        let llama = model(
            r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
            "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256}"#,
        );
        assert_eq!(llama.n_parameters(), 8_030_261_248);
        assert_eq!(adapters(&llama), 167_772_160);
    }

    #[test]
    fn a_directory_without_a_configuration_has_no_model() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Model::find(dir.path()).unwrap(), None);
        fs_err::write(dir.path().join(CONFIG), r#"{"model_type":"mamba"}"#).unwrap();
        let error = Model::find(dir.path()).unwrap_err();
        assert!(error.to_string().contains("`mamba`"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
