//! Models to try: a run directory, an adapter, or a model in the Hugging Face layout.

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor};
use tokenizers::Tokenizer;

use crate::{
    adapter::{merge, peft, peft::Adapter, tokenizer as tokenizer_files},
    error::{Error, Result},
    model::engine::Engine,
    settings::{Init, Method, Settings},
    weights::{config::ModelConfig, source::Weights, write},
};

/// A model that can say something.
pub struct Loaded {
    /// The model.
    pub engine: Engine,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Tokens that end a text: those of the configuration, and the one that closes segments.
    pub stop_at: Vec<u32>,
}

/// What lies in a directory.
enum Found {
    /// An adapter, and the model that it belongs to.
    Adapter { dir: PathBuf, base: PathBuf },
    /// A model of its own.
    Model(PathBuf),
}

/// Loads a model from the directory of a run, an adapter or a model; `base` replaces the base that an adapter names.
///
/// # Errors
///
/// There is no such model, a file is damaged, or the adapter does not belong to the base.
pub fn load(dir: &Path, base: Option<&Path>, device: &Device, dtype: DType) -> Result<Loaded> {
    match find(dir, base)? {
        Found::Model(dir) => {
            let config = ModelConfig::read(&dir)?;
            let weights = Weights::open(&dir, &config, Init::Pretrained, 0)?;
            let settings = Settings { targets: Vec::new(), ..Settings::default() };
            let stop_at = config.eos_ids.clone();
            let engine = Engine::new(config, &settings, None, &weights, device, dtype)?;
            Ok(Loaded { engine, tokenizer: tokenizer(&dir)?, stop_at })
        }
        Found::Adapter { dir, base } => {
            let adapter = Adapter::read(&dir)?;
            let (config, weights) = open_base(&base, &adapter)?;
            adapter.check(&config, &base.display().to_string(), weights.digest(&config)?)?;
            let settings = Settings {
                method: Method::Lora,
                rank: adapter.rank,
                alpha: adapter.alpha,
                targets: adapter.targets.clone(),
                ..Settings::default()
            };
            let mut stop_at = config.eos_ids.clone();
            let new_token = adapter.closing.as_ref().map(|it| it.id);
            stop_at.extend(new_token);
            let mut engine = Engine::new(config, &settings, new_token, &weights, device, dtype)?;
            let values = engine.parameters().iter().map(|parameter| {
                match adapter.tensors.get(&parameter.name) {
                    Some(matrix) => Tensor::from_floats(matrix.values.as_slice(), device),
                    None => parameter.value.clone(),
                }
            });
            let values = values.collect();
            engine.set_parameters(values);
            Ok(Loaded { engine, tokenizer: tokenizer(&dir)?, stop_at })
        }
    }
}

/// Writes base and adapter as one model in the Hugging Face layout into `out`, which must not exist yet.
///
/// # Errors
///
/// `dir` holds no adapter, the adapter does not belong to the base, or a file cannot be read or written.
pub fn merge(dir: &Path, base: Option<&Path>, out: &Path) -> Result<()> {
    let (dir, base) = match find(dir, base)? {
        Found::Adapter { dir, base } => (dir, base),
        Found::Model(dir) => {
            let hint = "there is nothing to merge: use it as it is";
            return Err(Error::file(&dir, "is a whole model already", hint));
        }
    };
    if fs_err::exists(out)? {
        return Err(Error::file(out, "exists already", "name a directory that does not exist"));
    }
    let adapter = Adapter::read(&dir)?;
    let (config, weights) = open_base(&base, &adapter)?;
    let name = out.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let partial = out.with_file_name(format!("{name}.partial"));
    if fs_err::exists(&partial)? {
        fs_err::remove_dir_all(&partial)?;
    }
    fs_err::create_dir_all(&partial)?;
    merge::write_model(&config, &weights, &adapter, &base.display().to_string(), &partial)?;
    tokenizer_files::copy(&dir, &base, &partial)?;
    fs_err::rename(&partial, out)?;
    write::sync_directory_of(out)
}

/// Opens the base of an adapter; a model that was drawn from a seed has nothing but a configuration.
fn open_base(base: &Path, adapter: &Adapter) -> Result<(ModelConfig, Weights)> {
    let config = ModelConfig::read(base)?;
    match Weights::open(base, &config, Init::Pretrained, 0) {
        Ok(weights) => Ok((config, weights)),
        Err(error) => match adapter.base.seed {
            Some(seed) => {
                let weights = Weights::open(base, &config, Init::Random, seed)?;
                Ok((config, weights))
            }
            None => Err(error),
        },
    }
}

fn find(dir: &Path, base: Option<&Path>) -> Result<Found> {
    let places = [dir.to_owned(), dir.join("adapter"), dir.join("model")];
    for place in places {
        if place.join(peft::CONFIG).exists() {
            let base = match base {
                Some(base) => base.to_owned(),
                None => PathBuf::from(Adapter::read(&place)?.base.name),
            };
            return Ok(Found::Adapter { dir: place, base });
        }
        if place.join(crate::weights::config::CONFIG).exists() {
            return Ok(Found::Model(place));
        }
    }
    Err(Error::file(
        dir,
        "holds neither an adapter nor a model",
        "give the `dir` of `[train]` of a finished run, an adapter's directory, or a model's",
    ))
}

fn tokenizer(dir: &Path) -> Result<Tokenizer> {
    let path = dir.join("tokenizer.json");
    Tokenizer::from_file(&path).map_err(|cause| {
        let what = format!("cannot be read as a tokenizer: {cause}");
        Error::file(&path, what, "copy the tokenizer.json of the model there")
    })
}
