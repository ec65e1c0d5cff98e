//! Base and adapter as one model that needs no adapter, written one tensor at a time.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::json;

use crate::{
    adapter::peft::{Adapter, EMBEDDING_ROW, HEAD_ROW, Matrix},
    error::{Error, Result},
    weights::{
        config::{self, ModelConfig},
        names,
        source::Weights,
        tensor::RawTensor,
        write::{self, Listed},
    },
};

/// Writes the configuration and the weights W + alpha/rank · B·A into a directory that exists; numbers are added in
/// 32 bits and rounded to the base's own format.
///
/// # Errors
///
/// The adapter does not belong to the base (see [`Adapter::check`]), reading or writing fails, or a number of the
/// result does not fit into the base's format.
pub fn write_model(
    config: &ModelConfig,
    weights: &Weights,
    adapter: &Adapter,
    name: &str,
    out: &Path,
) -> Result<()> {
    adapter.check(config, name, weights.digest(config)?)?;
    let n_rows = n_rows(config, adapter);
    let listed: Vec<Listed> = names::expected(config)
        .into_iter()
        .map(|it| {
            let is_table = it.name == names::EMBEDDING || it.name == names::HEAD;
            let shape = if is_table { vec![n_rows, config.hidden_size] } else { it.shape };
            Listed { dtype: weights.dtype(&it.name), name: it.name, shape }
        })
        .collect();
    write::write_model(out, &listed, write::SHARD_BYTES, &mut |it| {
        let tensor = merged(weights, adapter, &it.name)?;
        match tensor.first_not_finite() {
            None => Ok(tensor),
            Some(_) => Err(Error::refused(
                format!("tensor `{}` does not fit into {} once merged", it.name, it.dtype.name()),
                "convert the base model to BF16 or F32 first",
            )),
        }
    })?;
    let mut raw = config.raw.clone();
    raw.insert("vocab_size".to_owned(), json!(n_rows));
    write::write_json(&out.join(config::CONFIG), &raw.into())
}

/// Returns the rows of embedding and head after merging: one more if the trained token lies past the last.
fn n_rows(config: &ModelConfig, adapter: &Adapter) -> usize {
    let needed = adapter.closing.as_ref().map_or(0, |it| it.id as usize + 1);
    config.vocab_size.max(needed)
}

/// Returns a tensor of the merged model.
fn merged(weights: &Weights, adapter: &Adapter, name: &str) -> Result<RawTensor> {
    let tensor = weights.tensor(name)?;
    let row = match name {
        names::EMBEDDING => adapter.tensors.get(EMBEDDING_ROW),
        names::HEAD => adapter.tensors.get(HEAD_ROW),
        _ => None,
    };
    if let Some((row, token)) = row.zip(adapter.closing.as_ref()) {
        return Ok(with_row(tensor, token.id as usize, &row.values));
    }
    let pair = name.strip_suffix(".weight").and_then(|module| {
        let a = adapter.tensors.get(&format!("{module}.lora_A.weight"))?;
        let b = adapter.tensors.get(&format!("{module}.lora_B.weight"))?;
        Some((a, b))
    });
    let Some((a, b)) = pair else { return Ok(tensor) };
    let device = Device::flex();
    let product = matrix(b, &device).matmul(matrix(a, &device)) * adapter.scale() as f32;
    let product = product.into_data().try_to_vec::<f32>().map_err(|error| {
        Error::refused(format!("the product for `{name}` could not be read: {error}"), "")
    })?;
    let sums: Vec<f32> = tensor.to_f32().iter().zip(&product).map(|(w, it)| w + it).collect();
    Ok(RawTensor::from_f32(tensor.dtype, tensor.shape, &sums))
}

fn matrix(matrix: &Matrix, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(matrix.values.clone(), matrix.shape), device)
}

/// Returns a table with a row replaced, or added after the last.
fn with_row(mut table: RawTensor, row: usize, values: &[f32]) -> RawTensor {
    let row_bytes = RawTensor::from_f32(table.dtype, Vec::new(), values).bytes;
    let start = row * row_bytes.len();
    let end = start + row_bytes.len();
    if table.bytes.len() < end {
        table.bytes.resize(end, 0);
        if let Some(n_rows) = table.shape.first_mut() {
            *n_rows = row + 1;
        }
    }
    if let Some(place) = table.bytes.get_mut(start..end) {
        place.copy_from_slice(&row_bytes);
    }
    table
}
