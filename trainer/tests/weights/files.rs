//! Models on disk: what is read is what was written, and what is wrong is named.

use std::{collections::BTreeMap, path::Path};

use crossic_trainer::{
    error::Error,
    settings::Init,
    weights::{
        config::check_vocabulary,
        files::{INDEX, SINGLE, WeightFiles},
        header, names, random,
        source::Weights,
        tensor::{Dtype, RawTensor},
        write::{self, Listed},
    },
};
use half::{bf16, f16};
use proptest::prelude::*;
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::fixture::{self, holds, llama, model, parse, qwen2, rewrite, said, set};

const WHOLE: u64 = 1 << 30;

#[test]
fn all_formats_are_read_as_half_reads_them() {
    let bits: Vec<u16> = (0..=u16::MAX).collect();
    let bytes: Vec<u8> = bits.iter().flat_map(|it| it.to_le_bytes()).collect();
    let numbers = |dtype| RawTensor { dtype, shape: vec![1 << 16], bytes: bytes.clone() }.to_f32();
    for (bits, (half, brain)) in
        bits.iter().zip(numbers(Dtype::F16).into_iter().zip(numbers(Dtype::Bf16)))
    {
        assert_eq!(half.to_bits(), f16::from_bits(*bits).to_f32().to_bits());
        assert_eq!(brain.to_bits(), bf16::from_bits(*bits).to_f32().to_bits());
    }
}

proptest! {
    #[test]
    fn numbers_are_rounded_as_half_rounds_them(values in prop::collection::vec(any::<f32>(), 0..50)) {
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            let tensor = RawTensor::from_f32(dtype, vec![values.len()], &values);
            let expected: Vec<f32> = values.iter().map(|it| match dtype {
                Dtype::F32 => *it,
                Dtype::F16 => f16::from_f32(*it).to_f32(),
                Dtype::Bf16 => bf16::from_f32(*it).to_f32(),
            }).collect();
            let bits = |all: &[f32]| all.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&tensor.to_f32()), bits(&expected));
            prop_assert_eq!(tensor.first_not_finite(), expected.iter().position(|it| !it.is_finite()));
            let narrow = values.iter().map(|it| it / 2.0).filter(|it| it.is_finite()).collect::<Vec<_>>();
            let exact = RawTensor::from_f32(Dtype::F32, vec![narrow.len()], &narrow);
            prop_assert_eq!(exact.clone().cast(Dtype::F32), exact);
        }
    }

    /// Whatever the bytes, reading ends with an error or with ranges that lie within the file.
    #[test]
    fn arbitrary_files_are_refused_without_panic(
        length in prop_oneof![0..200_u64, any::<u64>()],
        header in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            r#"\{("[ab]":\{"dtype":"(F32|BF16|I8|F4)","shape":\[[0-9]{1,20}(,[0-9]{1,3})?\],"data_offsets":\[[0-9]{1,2},[0-9]{1,20}\]\},?){1,3}\}"#
                .prop_map(String::into_bytes),
        ],
        exact in any::<bool>(),
        n_data in 0..100_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        let length = if exact { header.len() as u64 } else { length };
        let bytes = [&length.to_le_bytes()[..], &header, &vec![0; n_data]].concat();
        fs_err::write(&path, &bytes).unwrap();
        let file = fs_err::File::open(&path).unwrap();
        let oracle = SafeTensors::deserialize(&bytes);
        match header::read(&file) {
            Err(_) => prop_assert!(oracle.is_err()),
            Ok(read) => {
                let oracle = oracle.unwrap();
                prop_assert_eq!(read.tensors.len(), oracle.len());
                for (name, entry) in read.tensors {
                    let start = entry.start as usize;
                    let range = bytes.get(start..start + entry.n_bytes).unwrap();
                    prop_assert_eq!(range, oracle.tensor(&name).unwrap().data());
                }
            }
        }
    }

    /// A configuration with any field replaced is refused or can be used: its shapes do not overflow.
    #[test]
    fn odd_configurations_do_not_panic(key in 0..13_usize, value in prop_oneof![
        any::<i64>().prop_map(|it| json!(it)), any::<f64>().prop_map(|it| json!(it)), Just(json!("x")),
        Just(json!([])), Just(json!({})), Just(Value::Null), (0..100_u32).prop_map(|it| json!(it)),
    ]) {
        let mut config = llama();
        let key = config.as_object().unwrap().keys().nth(key).unwrap().clone();
        set(&mut config, &key, value);
        if let Ok(config) = parse(&config) {
            prop_assert!(names::expected(&config).iter().all(|it| !it.shape.contains(&0)));
            prop_assert_eq!(config.n_heads % config.n_kv_heads, 0);
        }
    }
}

#[test]
fn models_in_one_file_and_in_many_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (one, many) = (dir.path().join("one"), dir.path().join("many"));
    let config = model(&one, &llama(), Dtype::Bf16, WHOLE);
    model(&many, &llama(), Dtype::Bf16, 4_000);
    let n_files = fs_err::read_dir(&many).unwrap().count();
    assert!(4 < n_files && !many.join(SINGLE).exists() && many.join(INDEX).exists());

    let (one, many) =
        (WeightFiles::open(&one, &config).unwrap(), WeightFiles::open(&many, &config).unwrap());
    let random = Weights::open(Path::new(""), &config, Init::Random, 7).unwrap();
    for expected in names::expected(&config) {
        let tensor = one.tensor(&expected.name).unwrap();
        assert_eq!(tensor.shape, expected.shape);
        assert_eq!(tensor, many.tensor(&expected.name).unwrap());
        assert_eq!(tensor, random.tensor(&expected.name).unwrap().cast(Dtype::Bf16));
    }
    assert!(one.extra().is_empty());
}

#[test]
fn the_digest_tells_models_apart_and_formats_not() {
    let dir = tempfile::tempdir().unwrap();
    let digest = |name: &str, config: &Value, dtype| {
        let config = model(&dir.path().join(name), config, dtype, WHOLE);
        let weights = Weights::open(&dir.path().join(name), &config, Init::Pretrained, 0).unwrap();
        weights.digest(&config).unwrap()
    };
    let exact = digest("a", &llama(), Dtype::Bf16);
    // A model in bfloat16, widened, is the same model.
    let config = fixture::parse(&llama()).unwrap();
    let narrow = WeightFiles::open(&dir.path().join("a"), &config).unwrap();
    let wide = dir.path().join("wide");
    fs_err::create_dir(&wide).unwrap();
    let listed: Vec<Listed> = names::expected(&config)
        .into_iter()
        .map(|it| Listed { name: it.name, dtype: Dtype::F32, shape: it.shape })
        .collect();
    write::write_model(&wide, &listed, WHOLE, &mut |it| {
        Ok(narrow.tensor(&it.name)?.cast(Dtype::F32))
    })
    .unwrap();
    let wide = Weights::open(&wide, &config, Init::Pretrained, 0).unwrap();
    assert_eq!(wide.digest(&config).unwrap(), exact);

    let mut other = llama();
    set(&mut other, "rope_theta", json!(10_000.0));
    assert_ne!(digest("b", &other, Dtype::Bf16), exact);
    let random = Weights::open(Path::new(""), &config, Init::Random, 8).unwrap();
    assert_ne!(random.digest(&config).unwrap(), exact);
}

#[test]
fn what_is_written_the_safetensors_crate_reads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    let tensor = |name: &str| match name {
        "narrow" => RawTensor::from_f32(Dtype::Bf16, vec![3], &[1.0, -2.0, 0.5]),
        "wide" => RawTensor::from_f32(Dtype::F32, vec![2, 2], &[1.0, 2.0, 3.0, 4.0]),
        _ => RawTensor::from_f32(Dtype::F32, vec![0, 2], &[]),
    };
    let listed: Vec<Listed> = ["narrow", "wide", "empty \"तत\""]
        .map(|name| Listed {
            name: name.to_owned(),
            dtype: tensor(name).dtype,
            shape: tensor(name).shape,
        })
        .to_vec();
    write::write_file(&path, &metadata, &listed, &mut |it| Ok(tensor(&it.name))).unwrap();
    let bytes = fs_err::read(&path).unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(read.len(), 3);
    for it in &listed {
        let view = read.tensor(&it.name).unwrap();
        assert_eq!(view.shape(), it.shape);
        assert_eq!(view.data(), tensor(&it.name).bytes);
        let start = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        assert_eq!(start % it.dtype.size(), 0, "`{}` is not aligned", it.name);
    }
    assert_eq!(header::read(&fs_err::File::open(&path).unwrap()).unwrap().metadata, metadata);
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    fs_err::write(&path, "old").unwrap();
    let listed = [Listed { name: "a".to_owned(), dtype: Dtype::F32, shape: vec![2] }];
    let fails = write::write_file(&path, &BTreeMap::new(), &listed, &mut |_| {
        Err(Error::refused("no more", ""))
    });
    holds(&said(fails), &["no more"]);
    let another = write::write_file(&path, &BTreeMap::new(), &listed, &mut |_| {
        Ok(RawTensor::from_f32(Dtype::F32, vec![1], &[1.0]))
    });
    holds(&said(another), &["tensor `a` changed"]);
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn random_numbers_depend_on_seed_name_and_position_alone() {
    let whole = random::normal(3, "a", (1 << 20) + 1000, 1.0);
    assert_eq!(random::normal(3, "a", 1000, 1.0), whole[..1000]);
    assert_ne!(random::normal(4, "a", 1000, 1.0), whole[..1000]);
    assert_ne!(random::normal(3, "b", 1000, 1.0), whole[..1000]);
    let n = whole.len() as f64;
    let moment = |power: i32| whole.iter().map(|it| f64::from(*it).powi(power)).sum::<f64>() / n;
    assert!(moment(1).abs() < 0.005, "mean {}", moment(1));
    assert!((moment(2) - 1.0).abs() < 0.005, "variance {}", moment(2));
    assert!((moment(4) - 2.9).abs() < 0.05, "fourth moment {}", moment(4));
    // The same on every machine and in every version: a run from scratch can be repeated.
    assert_eq!(whole[..2], [-0.0068359375, -0.31669617]);

    let config = parse(&qwen2()).unwrap();
    let first = |name: &str| random::tensor(&config, 1, name, 4).unwrap().to_f32();
    assert_eq!(first("model.norm.weight"), [1.0; 4]);
    assert_eq!(first("model.layers.1.self_attn.k_proj.bias"), [0.0; 4]);
    assert!(first(names::EMBEDDING).iter().all(|it| it.abs() < 0.12 && *it != 0.0));
    holds(&said(random::tensor(&config, 1, "lm_head.weight", 4)), &["no tensor `lm_head.weight`"]);
}

#[test]
fn adapters_begin_as_in_peft() {
    let a = random::lora_a(1, "a", 64, 100);
    assert_eq!(a.len(), 6400);
    assert!(a.iter().all(|it| it.abs() <= 0.1));
    let variance = a.iter().map(|it| it * it).sum::<f32>() / 6400.0;
    assert!((variance - 0.01 / 3.0).abs() < 2e-4, "{variance}");
}

#[test]
fn a_vocabulary_smaller_than_an_id_is_refused() {
    let config = parse(&llama()).unwrap();
    check_vocabulary(&config, 39, false).unwrap();
    check_vocabulary(&config, 40, true).unwrap();
    for (id, added) in [(40, false), (41, true), (u32::MAX, true)] {
        let error = said(check_vocabulary(&config, id, added));
        holds(&error, &[&format!("token id {id}"), "embedding has 40 rows", "same tokenizer"]);
    }
}

/// Writes a model, damages it, and returns what opening and reading all of it says.
fn damaged(config: &Value, damage: impl Fn(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let config = model(dir.path(), config, Dtype::F32, WHOLE);
    damage(dir.path());
    said(WeightFiles::open(dir.path(), &config).and_then(|files| {
        names::expected(&config).iter().try_for_each(|it| files.finite(&it.name).map(|_| ()))
    }))
}

#[test]
fn wrong_tensors_are_named() {
    let changed = |change: &dyn Fn(&mut BTreeMap<String, RawTensor>)| {
        damaged(&llama(), |dir| rewrite(dir, change))
    };
    let error = changed(&|all| all.retain(|name, _| !name.contains("layers.1.mlp")));
    holds(&error, &["lacks 3 of the model's tensors", "`model.layers.1.mlp.gate_proj.weight`"]);
    let error = changed(&|all| all.retain(|name, _| name != "lm_head.weight"));
    holds(&error, &["lacks 1", "`lm_head.weight`", "tie_word_embeddings"]);
    let error = changed(&|all| {
        let names: Vec<String> = all.keys().cloned().collect();
        for name in names {
            let tensor = all.remove(&name).unwrap();
            all.insert(name.trim_start_matches("model.").to_owned(), tensor);
        }
    });
    holds(&error, &["lacks 20", "and 17 more", "without its head"]);

    let error = changed(&|all| {
        all.get_mut("model.layers.1.self_attn.k_proj.weight").unwrap().shape = vec![16, 8];
    });
    holds(&error, &["1.self_attn.k_proj.weight` with shape [16, 8]", "asks for [8, 16]"]);

    for bad in [f32::NAN, f32::INFINITY] {
        let error = changed(&|all| {
            let tensor = all.get_mut("model.norm.weight").unwrap();
            let mut values = tensor.to_f32();
            values[5] = bad;
            *tensor = RawTensor::from_f32(Dtype::F16, vec![16], &values);
        });
        holds(&error, &["infinite or not a number", "`model.norm.weight`, element 5"]);
    }
}

#[test]
fn damaged_files_are_named() {
    let single = |change: &dyn Fn(&mut Vec<u8>)| {
        damaged(&llama(), |dir| {
            let mut bytes = fs_err::read(dir.join(SINGLE)).unwrap();
            change(&mut bytes);
            fs_err::write(dir.join(SINGLE), bytes).unwrap();
        })
    };
    let whole = single(&|it| it.truncate(it.len() - 1));
    holds(&whole, &["model.safetensors`", "is cut off: its header promises", "checksum"]);
    holds(&single(&|it| it.truncate(100)), &["is cut off within its header"]);
    holds(&single(&|it| it.truncate(3)), &["is no safetensors file: it has 3 bytes"]);
    holds(&single(&|it| it.push(0)), &["is too long"]);
    holds(&single(&|it| it[7] = 1), &["its header has 72057594"]);
    holds(&single(&|it| it[20] = 0xff), &["its header is damaged"]);
    let error = damaged(&llama(), |dir| fs_err::remove_file(dir.join(SINGLE)).unwrap());
    holds(&error, &["has neither `model.safetensors` nor", "init = \"random\""]);
    let error = damaged(&llama(), |dir| {
        let path = dir.join(SINGLE);
        let text = fs_err::read(&path).unwrap();
        let quantised = String::from_utf8_lossy(&text).contains("\"F32\"");
        assert!(quantised);
        let bytes = replaced(&text, b"\"F32\"", b"\"I32\"");
        fs_err::write(path, bytes).unwrap();
    });
    holds(&error, &["in number format I32, which is unsupported", "F32, F16 and BF16"]);
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for start in 0..=bytes.len() - from.len() {
        if bytes[start..].starts_with(from) {
            bytes[start..start + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn an_index_cannot_lead_out_of_the_directory() {
    for name in
        ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "a\\b.safetensors", ""]
    {
        let error = damaged(&llama(), |dir| {
            fs_err::remove_file(dir.join(SINGLE)).unwrap();
            let index = json!({"weight_map": {"lm_head.weight": name}});
            fs_err::write(dir.join(INDEX), index.to_string()).unwrap();
        });
        holds(&error, &[INDEX, &format!("names the file {name:?}"), "not a file name"]);
    }
    let error = damaged(&llama(), |dir| {
        fs_err::remove_file(dir.join(SINGLE)).unwrap();
        let index = json!({"weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}});
        fs_err::write(dir.join(INDEX), index.to_string()).unwrap();
    });
    holds(&error, &["model-00001-of-00001.safetensors` does not exist", "fetch the missing file"]);
}

#[test]
fn tensors_that_no_model_needs_are_borne() {
    let dir = tempfile::tempdir().unwrap();
    let config = model(dir.path(), &qwen2(), Dtype::F32, WHOLE);
    rewrite(dir.path(), |all| {
        let extra = RawTensor::from_f32(Dtype::F32, vec![1], &[1.0]);
        for name in ["lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq", "odd"] {
            all.insert(name.to_owned(), extra.clone());
        }
    });
    assert_eq!(WeightFiles::open(dir.path(), &config).unwrap().extra(), ["odd"]);
}
