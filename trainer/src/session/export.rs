//! What training leaves behind: an adapter for PEFT, or a whole model, with tokenizer and card.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::Tensor;
use crossic_operators::record::Digest;
use serde_json::json;

use crate::{
    adapter::{
        card::{self, Artifact, Card},
        peft::{Adapter, Base, Matrix, TrainedToken},
        tokenizer,
    },
    data::corpus::CorpusInfo,
    error::{Error, Result},
    model::engine::Engine,
    optimizer::parameter::Parameter,
    run::{directory::RunDir, durable, train::Outcome},
    settings::{Init, LINEARS, Method, Precision, Settings},
    weights::{
        config, names,
        tensor::{Dtype, RawTensor},
        write::{self, Listed},
    },
};

/// Writes what was trained aside, and returns where.
///
/// # Errors
///
/// Writing fails, or the tokenizer of the corpus cannot be read.
pub(super) fn begin(
    run: &RunDir,
    settings: &Settings,
    info: &CorpusInfo,
    base: Digest,
    engine: &Engine,
) -> Result<PathBuf> {
    let partial = run.join(&format!("{}.partial", super::export_name(settings.method)));
    durable::remove_dir(&partial)?;
    durable::create_dir(&partial)?;
    match settings.method {
        Method::Lora => {
            adapter(settings, info, base, engine)?.write(&partial, settings.export_precision)?;
        }
        Method::Full => model(settings, engine, &partial)?,
    }
    tokenizer::write(info, &settings.model, &partial)?;
    Ok(partial)
}

/// Adds the card to what [`begin`] wrote, and moves all to its place, which is returned.
///
/// # Errors
///
/// Writing fails.
pub(super) fn finish(
    run: &RunDir,
    partial: &Path,
    settings: &Settings,
    info: &CorpusInfo,
    outcome: &Outcome,
) -> Result<PathBuf> {
    let artifact = match settings.method {
        Method::Lora => Artifact::Adapter,
        Method::Full => Artifact::Model,
    };
    let last = outcome.validations.as_ref().map(|(_, last)| last);
    let validation = last.iter().flat_map(|it| {
        let all = ("all held-back tokens".to_owned(), it.eval_loss);
        std::iter::once(all).chain(it.eval_languages.clone())
    });
    let text = card::card(&Card {
        settings,
        corpus: info,
        artifact,
        n_steps: outcome.step,
        n_tokens: outcome.n_tokens,
        loss: outcome.losses.map(|(_, last)| last),
        validation: validation.collect(),
        version: env!("CARGO_PKG_VERSION"),
    });
    write::write_bytes(&partial.join(card::FILE), text.as_bytes())?;
    let out = run.join(super::export_name(settings.method));
    durable::remove_dir(&out)?;
    fs_err::rename(partial, &out)?;
    write::sync_directory_of(&out)?;
    Ok(out)
}

fn adapter(
    settings: &Settings,
    info: &CorpusInfo,
    base: Digest,
    engine: &Engine,
) -> Result<Adapter> {
    let mut tensors = BTreeMap::new();
    for parameter in engine.parameters() {
        let [rows, columns] = parameter.shape.as_slice() else { continue };
        let values = numbers(parameter)?;
        tensors.insert(parameter.name.clone(), Matrix { shape: [*rows, *columns], values });
    }
    let seed = (settings.init == Init::Random).then_some(settings.seed);
    let is_target = |it: &&&str| settings.targets.iter().any(|target| target == **it);
    Ok(Adapter {
        rank: settings.rank,
        alpha: settings.alpha,
        dropout: settings.dropout,
        targets: LINEARS.iter().filter(is_target).map(|it| (*it).to_owned()).collect(),
        closing: info
            .closing_added
            .then(|| TrainedToken { id: info.closing_id, text: info.closing.clone() }),
        base: Base { name: settings.model.display().to_string(), digest: Some(base), seed },
        tensors,
    })
}

fn model(settings: &Settings, engine: &Engine, out: &Path) -> Result<()> {
    let config = engine.config();
    let dtype = match settings.export_precision {
        Precision::F32 => Dtype::F32,
        Precision::Bf16 => Dtype::Bf16,
    };
    let by_name: BTreeMap<&str, &Parameter> =
        engine.parameters().iter().map(|it| (it.name.as_str(), it)).collect();
    let listed: Vec<Listed> = names::expected(config)
        .into_iter()
        .filter_map(|it| {
            let shape = by_name.get(it.name.as_str())?.shape.clone();
            Some(Listed { name: it.name, dtype, shape })
        })
        .collect();
    write::write_model(out, &listed, write::SHARD_BYTES, &mut |it| {
        let parameter = by_name.get(it.name.as_str());
        let parameter = parameter.unwrap_or_else(|| unreachable!("it was listed by name"));
        Ok(RawTensor::from_f32(dtype, it.shape.clone(), &numbers(parameter)?))
    })?;
    let mut raw = config.raw.clone();
    raw.insert("vocab_size".to_owned(), json!(engine.n_embeddings()));
    write::write_json(&out.join(config::CONFIG), &raw.into())
}

fn numbers(parameter: &Parameter) -> Result<Vec<f32>> {
    let value: Tensor<1> = parameter.value.clone();
    value.try_into_vec_as::<f32>().map_err(|cause| {
        Error::refused(format!("`{}` cannot be read from the device: {cause}", parameter.name), "")
    })
}
