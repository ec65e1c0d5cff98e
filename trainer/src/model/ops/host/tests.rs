//! Single passes against the tensor operations that they stand for, on more rows than one task takes.

use burn::tensor::{DType, Tensor, activation as tensors};

use super::{
    super::{
        cross_entropy, layer_norm as layer_norm_tensors, rms_norm, swiglu,
        tests::{close, some},
    },
    activation, exp, gelu, largest, layer_norm, loss, norm, numbers, sum_of, tensor,
};

#[test]
fn exp_is_that_of_the_standard_library() {
    for step in -87_000..88_000 {
        let x = step as f32 / 1000.0 + 1e-4;
        let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
        assert!((found - expected).abs() <= 2.0 * f64::from(f32::EPSILON) * expected, "{x}");
    }
    assert_eq!(exp(0.0), 1.0);
    assert!(exp(-1e30) < 1e-37 && exp(f32::NAN).is_nan());
}

#[test]
fn sums_and_largest_take_every_number() {
    for n in [0, 1, 15, 16, 17, 100] {
        let numbers: Vec<f32> = (0..n).map(|it| (it * 7 % 31) as f32).collect();
        assert_eq!(sum_of(&numbers, &numbers, |a, _| a), numbers.iter().sum::<f32>());
        assert_eq!(largest(&numbers), numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    }
}

#[test]
fn norm_is_that_of_tensors() {
    let (x, weight, dy) = (some([777, 100], 1), some([100], 2), some([777, 100], 3));
    let expected = rms_norm::forward_tensors(x.clone(), weight.clone(), 1e-5);
    close(norm::forward(x.clone(), weight.clone(), 1e-5), expected, 1e-6);
    let (expected, _) =
        rms_norm::backward_tensors(x.clone(), weight.clone(), 1e-5, dy.clone(), false);
    close(norm::backward(x, weight, 1e-5, dy), expected, 1e-5);
}

#[test]
fn activation_is_that_of_tensors() {
    let (gate, up, dy) = (some([777, 100], 1) * 9.0, some([777, 100], 2), some([777, 100], 3));
    let expected = swiglu::forward_tensors(gate.clone(), up.clone());
    close(activation::forward(gate.clone(), up.clone()), expected, 1e-6);
    let expected = swiglu::backward_tensors(gate.clone(), up.clone(), dy.clone());
    let found = activation::backward(gate, up, dy);
    close(found.0, expected.0, 1e-5);
    close(found.1, expected.1, 1e-5);
}

#[test]
fn loss_is_that_of_tensors() {
    let logits: Tensor<2> = some([300, 333], 1) * 20.0;
    let targets: Vec<i32> = (0..300).map(|it| it * 13 % 333).collect();
    let expected = cross_entropy::chunk_tensors(logits.clone(), &targets, 0.01);
    let found = loss::loss(logits, &targets, 0.01);
    assert_eq!(found.0.dtype(), DType::F32);
    close(found.0, expected.0, 1e-5);
    close(found.1, expected.1, 1e-5);
}

#[test]
fn normal_is_the_integral_of_its_density() {
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    // Simpson's rule from far below, where nothing is left out; its error here is below 1e-12.
    let (step, mut sum) = (1e-3, 0.0);
    for number in 0..18_000 {
        let x = -9.0 + f64::from(number) * step;
        let found = f64::from(gelu::normal(x as f32));
        assert!((found - sum).abs() < 8e-7, "{x}: {found} {sum}");
        sum += step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
    }
    assert_eq!((gelu::normal(0.0), gelu::normal(-1e30), gelu::normal(1e30)), (0.5, 0.0, 1.0));
    assert!(gelu::normal(f32::NAN).is_nan());
}

#[test]
fn gelu_is_that_of_tensors() {
    let (gate, up) = (some([777, 100], 1) * 9.0, some([777, 100], 2));
    close(gelu::forward(gate.clone()), tensors::gelu(gate.clone()), 1e-6);
    let expected = tensors::gelu(gate.clone()) * up.clone();
    close(gelu::gated(gate, up), expected, 1e-6);
}

#[test]
fn layer_norm_is_its_definition() {
    let (x, weight, bias) = (some([777, 100], 1) * 3.0 + 50.0, some([100], 2), some([100], 3));
    let (weights, biases) = (numbers(weight.clone()), numbers(bias.clone()));
    let rows = numbers(x.clone());
    let expected = rows.chunks(100).flat_map(|row| {
        let row: Vec<f64> = row.iter().map(|it| f64::from(*it)).collect();
        let mean = row.iter().sum::<f64>() / 100.0;
        let variance = row.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 100.0;
        let scaled = row.into_iter().map(move |it| (it - mean) / (variance + 1e-5).sqrt());
        let pairs = scaled.zip(weights.iter().zip(&biases));
        pairs.map(|(it, (w, b))| (it * f64::from(*w) + f64::from(*b)) as f32).collect::<Vec<_>>()
    });
    let expected: Tensor<2> = tensor(expected.collect(), [777, 100]);
    let found = layer_norm::forward(x.clone(), weight.clone(), bias.clone(), 1e-5);
    // Rows that lie 50 from 0 lose what 32 bits do not hold of their differences.
    close(found, expected.clone(), 1e-5);
    close(layer_norm_tensors::forward_tensors(x, weight, bias, 1e-5), expected, 1e-5);
}
