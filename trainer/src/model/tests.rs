//! The engine as a whole: what must not change the result, and what must.

use burn::tensor::{DType, Device, Tensor};
use serde_json::json;

use super::{
    Key,
    engine::Engine,
    generate::{Choice, generate},
};
use crate::{
    data::window::{NO_LANGUAGE, Window},
    settings::{Attention, Init, Method, Settings},
    weights::{config::ModelConfig, source::Weights},
};

fn config(tied: bool) -> ModelConfig {
    let json = json!({
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 16,
        "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 23, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
        "tie_word_embeddings": tied,
    });
    ModelConfig::parse("config.json".as_ref(), json.to_string().as_bytes()).unwrap()
}

fn settings(method: Method) -> Settings {
    Settings {
        method,
        rank: 2,
        alpha: 4.0,
        attention_chunk: 4,
        loss_chunk: 5,
        ..Settings::default()
    }
}

fn engine(settings: &Settings, tied: bool, new_token: Option<u32>) -> Engine {
    let config = config(tied);
    let weights = Weights::open("".as_ref(), &config, Init::Random, 3).unwrap();
    let device = Device::flex();
    let mut engine =
        Engine::new(config, settings, new_token, &weights, &device, DType::F32).unwrap();
    // B starts as zeros, which would hide the gradient of A; and larger numbers tell more.
    let values = engine.parameters().iter().enumerate().map(|(number, it)| {
        let n = it.value.dims()[0] as i64;
        let wave = Tensor::<1, burn::tensor::Int>::arange(0..n, &device).float();
        it.value.clone() * 3.0 + (wave * (number as f64 + 1.3)).sin() * 0.1
    });
    let values = values.collect();
    engine.set_parameters(values);
    engine
}

/// A window of `length` tokens in segments of five.
fn window(length: u32, seed: u32) -> Window {
    let ids = (0..length).map(|it| (it * 7 + seed) % 23).collect();
    Window {
        ids,
        positions: (0..length).map(|it| it % 5).collect(),
        segments: (0..length).map(|it| it / 5).collect(),
        learned: (0..length).map(|it| it % 5 != 0 && it % 7 != 3).collect(),
        languages: vec![NO_LANGUAGE; length as usize],
        rows: vec![],
    }
}

fn learn(engine: &Engine, windows: &[Window]) -> (f64, Vec<Option<Vec<f32>>>) {
    let mut gradients = vec![None; engine.parameters().len()];
    let n = windows.iter().map(Window::n_learned).sum();
    let loss = engine.learn(windows, Key::new(1, 2, 3), n, &mut gradients).sum();
    let numbers = |it: Tensor<1>| it.into_data().iter::<f32>().collect();
    (loss, gradients.into_iter().map(|it| it.map(numbers)).collect())
}

#[track_caller]
fn close(found: &[Option<Vec<f32>>], expected: &[Option<Vec<f32>>]) {
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (found.as_ref().unwrap(), expected.as_ref().unwrap());
        let largest = expected.iter().fold(0f32, |sum, it| sum.max(it.abs()));
        assert!(0.0 < largest);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-4 * largest, "{found} {expected} {largest}");
        }
    }
}

#[test]
fn computing_activations_again_changes_no_bit() {
    for method in [Method::Lora, Method::Full] {
        let mut engine = engine(&settings(method), true, None);
        let windows = [window(13, 1), window(9, 2)];
        let expected = learn(&engine, &windows);
        for kept in [0, 1, 2] {
            engine.keep_blocks(kept);
            assert_eq!(learn(&engine, &windows), expected);
        }
    }
}

#[test]
fn windows_do_not_see_each_other_nor_the_padding() {
    for attention in [Attention::Causal, Attention::Segment] {
        let settings = Settings { attention, dropout: 0.0, ..settings(Method::Lora) };
        let engine = engine(&settings, false, None);
        let windows = [window(13, 1), window(9, 2)];
        let (loss, together) = learn(&engine, &windows);
        let mut gradients = vec![None; together.len()];
        let n = windows.iter().map(Window::n_learned).sum();
        let losses = windows.iter().map(|window| {
            let key = Key::new(1, 2, 3);
            engine.learn(std::slice::from_ref(window), key, n, &mut gradients).sum()
        });
        assert!((losses.sum::<f64>() - loss).abs() < 1e-3);
        let numbers = |it: Tensor<1>| it.into_data().iter::<f32>().collect();
        let alone: Vec<Option<Vec<f32>>> =
            gradients.into_iter().map(|it| it.map(numbers)).collect();
        close(&together, &alone);
    }
}

#[test]
fn losses_of_tokens_add_up_to_the_loss_of_the_batch() {
    let settings = Settings { dropout: 0.0, ..settings(Method::Lora) };
    let engine = engine(&settings, true, None);
    let windows = [window(13, 1), window(9, 2)];
    let losses = engine.token_losses(&windows);
    for (window, losses) in windows.iter().zip(&losses) {
        assert_eq!(window.len(), losses.len());
        for (learned, loss) in window.learned.iter().zip(losses) {
            assert_eq!(*learned, 0.0 < *loss);
        }
    }
    let sum: f64 = losses.iter().flatten().map(|it| f64::from(*it)).sum();
    assert!((sum - learn(&engine, &windows).0).abs() < 1e-3);
}

#[test]
fn a_token_of_a_later_segment_depends_on_earlier_ones_only_under_causal_attention() {
    for (attention, sees) in [(Attention::Causal, true), (Attention::Segment, false)] {
        let engine = engine(&Settings { attention, ..settings(Method::Lora) }, false, None);
        let mut other = window(13, 1);
        other.ids[2] = (other.ids[2] + 1) % 23;
        let last = |window: &Window| engine.logits(window).narrow(0, 12, 1).into_data();
        assert_eq!(last(&window(13, 1)) != last(&other), sees);
    }
}

/// The gradient of every parameter against the slope of the loss along it, both methods, tied or not, a new token
/// within the vocabulary and one beyond.
#[test]
fn gradients_are_the_slope_of_the_loss() {
    for method in [Method::Lora, Method::Full] {
        for (tied, new_token) in [(true, Some(23)), (false, Some(5)), (true, None), (false, None)] {
            let settings = Settings { dropout: 0.0, ..settings(method) };
            let mut engine = engine(&settings, tied, new_token);
            let mut windows = [window(13, 1), window(9, 2)];
            if let Some(id) = new_token {
                windows[0].ids[4] = id;
                windows[0].ids[7] = id;
            }
            let n = windows.iter().map(Window::n_learned).sum::<usize>() as f64;
            let (_, gradients) = learn(&engine, &windows);
            let values: Vec<Tensor<1>> =
                engine.parameters().iter().map(|it| it.value.clone()).collect();
            for (index, gradient) in gradients.iter().enumerate() {
                let gradient = gradient.as_ref().unwrap();
                // Along the gradient itself the slope is the norm.
                let norm = gradient.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>().sqrt();
                assert!(0.0 < norm, "{}", engine.parameters()[index].name);
                let step = 2e-3 / norm;
                let along = Tensor::<1>::from_floats(gradient.as_slice(), &Device::flex());
                let mut at = |sign: f64| {
                    let mut moved = values.clone();
                    moved[index] = moved[index].clone() + along.clone() * (sign * step);
                    engine.set_parameters(moved);
                    engine
                        .token_losses(&windows)
                        .iter()
                        .flatten()
                        .map(|it| f64::from(*it))
                        .sum::<f64>()
                        / n
                };
                let slope = (at(1.0) - at(-1.0)) / (2.0 * step * norm);
                engine.set_parameters(values.clone());
                let name = &engine.parameters()[index].name;
                let far = (slope - norm).abs() / norm;
                assert!(far < 0.05 || (slope - norm).abs() < 2e-4, "{name}: {slope} {norm}");
            }
        }
    }
}

#[test]
fn generation_with_kept_keys_is_generation_without() {
    let engine = engine(&settings(Method::Lora), false, None);
    let mut ids = vec![3, 1, 4, 1, 5];
    let mut expected = Vec::new();
    for _ in 0..9 {
        let n = ids.len();
        let window = Window {
            positions: (0..n as u32).collect(),
            segments: vec![0; n],
            learned: vec![false; n],
            languages: vec![NO_LANGUAGE; n],
            rows: vec![],
            ids: ids.clone(),
        };
        let last = engine.logits(&window).narrow(0, n - 1, 1);
        let token = last.argmax(1).into_scalar::<i32>() as u32;
        ids.push(token);
        expected.push(token);
    }
    let mut said = Vec::new();
    let choice = Choice { max_tokens: 9, temperature: 0.0, top_p: 1.0, seed: 0 };
    generate(&engine, &[3, 1, 4, 1, 5], choice, &[], &mut |token| {
        said.push(token);
        true
    });
    assert_eq!(said, expected);
    let mut stopped = Vec::new();
    generate(&engine, &[3, 1, 4, 1, 5], choice, &[expected[4]], &mut |token| {
        stopped.push(token);
        stopped.len() < 3
    });
    assert!(stopped.len() <= 3 && expected.starts_with(&stopped));
}
