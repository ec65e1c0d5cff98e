//! Single passes against the tensor operations that they stand for, on more rows than one task takes.

use burn::tensor::{DType, Tensor};

use super::{
    super::{
        cross_entropy, rms_norm, swiglu,
        tests::{close, some},
    },
    activation, exp, largest, loss, norm, sum_of,
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
