//! Reads the golden numbers.

use std::{collections::BTreeMap, path::PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// The golden numbers of one model.
pub(crate) struct Golden {
    /// Its directory, in Hugging Face's layout.
    pub(crate) dir: PathBuf,
    /// The adapter by PEFT's names.
    pub(crate) lora: BTreeMap<String, Vec<f32>>,
    expected: BTreeMap<String, Vec<f32>>,
    inputs: BTreeMap<String, Vec<i32>>,
    json: Value,
}

impl Golden {
    /// Reads those of both models.
    pub(crate) fn all() -> [Golden; 2] {
        ["llama", "qwen2"].map(|name| {
            let all = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
            let dir = all.join(name);
            let bytes = |path: PathBuf| fs_err::read(path).unwrap();
            Golden {
                lora: floats(&bytes(dir.join("lora.safetensors"))),
                expected: floats(&bytes(dir.join("expected.safetensors"))),
                inputs: integers(&bytes(all.join("inputs.safetensors"))),
                json: serde_json::from_slice(&bytes(dir.join("expected.json"))).unwrap(),
                dir,
            }
        })
    }

    /// Returns an input.
    #[track_caller]
    pub(crate) fn input(&self, name: &str) -> &[i32] {
        self.inputs.get(name).unwrap_or_else(|| panic!("no input `{name}`"))
    }

    /// Returns an expected tensor, if it is kept whole.
    pub(crate) fn find(&self, name: &str) -> Option<&[f32]> {
        self.expected.get(name).map(Vec::as_slice)
    }

    /// Returns an expected tensor.
    #[track_caller]
    pub(crate) fn expected(&self, name: &str) -> &[f32] {
        self.find(name).unwrap_or_else(|| panic!("no expected `{name}`"))
    }

    /// Returns an expected number.
    #[track_caller]
    pub(crate) fn number(&self, path: &[&str]) -> f64 {
        self.at(path).as_f64().unwrap()
    }

    /// Returns a list of expected numbers.
    #[track_caller]
    pub(crate) fn numbers(&self, path: &[&str]) -> Vec<f64> {
        self.at(path).as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect()
    }

    #[track_caller]
    fn at(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.json, |value, key| &value[key])
    }
}

/// Returns the largest difference over the largest magnitude of what is expected.
pub(crate) fn relative(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |sum, it| sum.max(it.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0f32, |sum, it| if it.is_nan() { f32::INFINITY } else { sum.max(it) });
    assert!(0.0 < largest, "expected numbers of zero prove nothing");
    worst / largest
}

fn floats(bytes: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let tensors = tensors.tensors().into_iter().filter(|(_, it)| it.dtype() == Dtype::F32);
    tensors
        .map(|(name, it)| {
            let numbers = it.data().as_chunks::<4>().0.iter().map(|it| f32::from_le_bytes(*it));
            (name, numbers.collect())
        })
        .collect()
}

fn integers(bytes: &[u8]) -> BTreeMap<String, Vec<i32>> {
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    tensors
        .tensors()
        .into_iter()
        .map(|(name, it)| {
            assert_eq!(it.dtype(), Dtype::I32);
            let numbers = it.data().as_chunks::<4>().0.iter().map(|it| i32::from_le_bytes(*it));
            (name, numbers.collect())
        })
        .collect()
}
