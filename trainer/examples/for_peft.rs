//! Trains an adapter beside a golden model for a few steps, and writes what PEFT and transformers must agree with:
//! `OUT/run/adapter`, `OUT/merged`, `OUT/ids.json` and the logits of both, for `tests/peft/check_*.py`.
//!
//! `cargo run -p crossic-trainer --example for_peft -- MODEL_DIR OUT`

use std::{error::Error, path::PathBuf};

use burn::tensor::{DType, Device};
use crossic_operators::record::Digest;
use crossic_trainer::{
    data::{
        corpus::{CorpusInfo, Row, RowKind},
        window::{NO_LANGUAGE, Window},
    },
    run::watch::Silence,
    session::{Job, device::DeviceName, load, train},
    settings::Settings,
};
use safetensors::{Dtype, tensor::TensorView};

/// Sequences that are compared, of different lengths; the last holds the added token.
const IDS: [&[u32]; 3] = [&[1, 3, 20, 37, 14, 150], &[1, 9], &[1, 60, 200, 5, 7, 199, 31, 200, 2]];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: for_peft MODEL_DIR OUT".into());
    };
    let settings = Settings {
        model: model.clone(),
        dir: out.join("run"),
        rank: 4,
        alpha: 8.0,
        batch_windows: 8,
        learning_rate: 2e-2,
        max_steps: Some(6),
        ..Settings::default()
    };
    let info = CorpusInfo {
        digest: "00112233445566778899aabbccddeeff".to_owned(),
        kind: RowKind::Segments,
        tokens: 48,
        languages: vec!["en".to_owned()],
        tokenizer: model.join("tokenizer.json"),
        vocabulary: 200,
        closing: "[SPLIT]".to_owned(),
        closing_id: 200,
        closing_added: true,
        bos_id: Some(1),
    };
    let row = |number: u32| {
        let ids = (0..5 + number % 17).map(|it| 3 + (number * 31 + it * 17) % 190).chain([200]);
        let digest = Digest::of(&number.to_le_bytes());
        Row { id: digest, pair: digest, ids: ids.collect(), spans: vec![] }
    };
    train(Job {
        settings,
        info,
        rows: &mut (0..200).map(row).map(Ok),
        device: DeviceName::Cpu,
        threads: None,
        fresh: true,
        stop_after: None,
        watch: &Silence,
    })?;
    let merged = out.join("merged");
    load::merge(&out.join("run"), None, &merged)?;
    fs_err::write(out.join("ids.json"), serde_json::to_string(&IDS)?)?;
    for (dir, name) in [(out.join("run"), "adapter"), (merged, "merged")] {
        let loaded = load::load(&dir, None, &Device::flex(), DType::F32)?;
        let mut all = Vec::new();
        for (number, ids) in IDS.iter().enumerate() {
            let n = ids.len();
            let window = Window {
                ids: ids.to_vec(),
                positions: (0..n as u32).collect(),
                segments: vec![0; n],
                learned: vec![false; n],
                languages: vec![NO_LANGUAGE; n],
                rows: vec![],
            };
            let logits = loaded.engine.logits(&window);
            let shape = logits.dims().to_vec();
            let bytes: Vec<u8> =
                logits.into_data().iter::<f32>().flat_map(f32::to_le_bytes).collect();
            all.push((format!("logits.{number}"), shape, bytes));
        }
        let mut views = Vec::new();
        for (name, shape, bytes) in &all {
            let shape = [&[1], shape.as_slice()].concat();
            views.push((name.clone(), TensorView::new(Dtype::F32, shape, bytes)?));
        }
        let path = out.join(format!("{name}.safetensors"));
        safetensors::serialize_to_file(views, None, path.as_ref())?;
    }
    Ok(())
}
