//! The base model of a run, from its files or drawn from a seed.

use std::path::Path;

use crossic_operators::record::Digest;

use crate::{
    error::Result,
    settings::Init,
    weights::{
        config::ModelConfig,
        files::WeightFiles,
        names, random,
        tensor::{Dtype, RawTensor},
    },
};

/// Where the tensors of a base model come from.
#[derive(Debug)]
pub enum Weights {
    /// Safetensors files.
    Files(WeightFiles),
    /// A seeded draw.
    Random {
        /// Shape of the model.
        config: ModelConfig,
        /// Seed.
        seed: u64,
    },
}

impl Weights {
    /// Opens the weights of a model; for [`Init::Random`] its directory is not looked at.
    ///
    /// # Errors
    ///
    /// As [`WeightFiles::open`].
    pub fn open(dir: &Path, config: &ModelConfig, init: Init, seed: u64) -> Result<Weights> {
        match init {
            Init::Pretrained => Ok(Weights::Files(WeightFiles::open(dir, config)?)),
            Init::Random => Ok(Weights::Random { config: config.clone(), seed }),
        }
    }

    /// Reads a tensor whose numbers are all finite.
    ///
    /// # Errors
    ///
    /// As [`WeightFiles::finite`], or a random model has no such tensor.
    pub fn tensor(&self, name: &str) -> Result<RawTensor> {
        match self {
            Weights::Files(files) => files.finite(name),
            Weights::Random { config, seed } => random::tensor(config, *seed, name, usize::MAX),
        }
    }

    /// Returns the number format of a tensor; [`Dtype::F32`] for a random model.
    pub fn dtype(&self, name: &str) -> Dtype {
        match self {
            Weights::Files(files) => files.info(name).map_or(Dtype::F32, |(dtype, _)| dtype),
            Weights::Random { .. } => Dtype::F32,
        }
    }

    /// Returns a digest that tells base models apart: what `config.json` says of the computation, the names and
    /// shapes of all tensors, and the beginning of each, rounded to bfloat16.
    ///
    /// Rounded, so that the same model in 32 bits and in bfloat16 has the same digest.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn digest(&self, config: &ModelConfig) -> Result<Digest> {
        let ModelConfig { architecture, n_heads, n_kv_heads, head_dim, rms_norm_eps, rope, .. } =
            config;
        let mut hasher = blake3::Hasher::new();
        let computation = format!(
            "{architecture:?} {n_heads} {n_kv_heads} {head_dim} {rms_norm_eps:e} {rope:?}\n"
        );
        hasher.update(computation.as_bytes());
        for expected in names::expected(config) {
            let beginning = match self {
                Weights::Files(files) => files.beginning(&expected.name, N_DIGESTED)?,
                Weights::Random { config, seed } => {
                    random::tensor(config, *seed, &expected.name, N_DIGESTED)?
                }
            };
            hasher.update(format!("{} {:?}\n", expected.name, expected.shape).as_bytes());
            let values = beginning.to_f32();
            hasher.update(&RawTensor::from_f32(Dtype::Bf16, Vec::new(), &values).bytes);
        }
        Ok(Digest::of(hasher.finalize().as_bytes()))
    }
}

/// Numbers of every tensor that count in a digest of a model.
const N_DIGESTED: usize = 1024;
