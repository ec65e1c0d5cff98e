//! AdamW, clipping and schedule together against torch's numbers, and against a slow twin in double precision.

use burn::tensor::Device;
use proptest::prelude::*;

use super::*;
use crate::{
    optimizer::{clip, schedule},
    settings::Schedule,
};

const RULE: Rule = Rule { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };

fn parameter(values: &[f32], decay: bool) -> Parameter {
    let value = Tensor::from_data(values, &Device::flex());
    Parameter { name: "w".to_owned(), shape: vec![values.len()], value, decay }
}

fn gradient(values: Vec<f32>) -> Option<Tensor<1>> {
    Some(Tensor::from_data(values.as_slice(), &Device::flex()))
}

fn numbers(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.try_to_vec_as().unwrap()
}

/// Parameters after each of six steps, and the norm before clipping: torch 2.15.0's `AdamW` (foreach off, decay 0.1
/// on the first group only), `clip_grad_norm_` of 1.0, and transformers' cosine with 2 steps of warm-up, rate 0.1.
const TORCH: [([f64; 4], [f64; 2], f64); 6] = [
    ([0.5, -1.25, 3.0, 0.0010000000474974513], [0.25, -0.75], 0.7535057067871094),
    (
        [0.460293173789978, -1.2906410694122314, 3.0298373699188232, 0.043822839856147766],
        [0.20801688730716705, -0.7616363167762756],
        0.47211575508117676,
    ),
    (
        [0.3760870695114136, -1.300453782081604, 3.087196111679077, 0.03194423019886017],
        [0.15579932928085327, -0.7633992433547974],
        4.483967304229736,
    ),
    (
        [0.30911746621131897, -1.2739787101745605, 3.126039981842041, -0.0012606307864189148],
        [0.1539451777935028, -0.7584680318832397],
        0.5705711841583252,
    ),
    (
        [0.2816067934036255, -1.2485860586166382, 3.1335039138793945, -0.025654109194874763],
        [0.14368773996829987, -0.7763014435768127],
        0.654446005821228,
    ),
    (
        [0.2780282497406006, -1.2416185140609741, 3.1311984062194824, -0.031090805307030678],
        [0.13712358474731445, -0.7836284041404724],
        0.7142273187637329,
    ),
];

#[test]
fn six_steps_are_those_of_torch() {
    let settings = Settings {
        learning_rate: 0.1,
        warmup_ratio: 0.3,
        schedule: Schedule::Cosine,
        ..Settings::default()
    };
    assert_eq!(schedule::warmup_steps(6, &settings), 2);
    let mut parameters =
        [parameter(&[0.5, -1.25, 3.0, 1e-3], true), parameter(&[0.25, -0.75], false)];
    let mut moments: Vec<Moments> = parameters.iter().map(Moments::new).collect();
    for (t, (first, second, norm)) in TORCH.iter().enumerate() {
        let time = t as f32;
        let size = if t == 2 { 3.0 } else { 0.3 };
        let mut gradients = [
            gradient((0..4).map(|it| (it as f32 * 1.7 + time * 0.9).sin() * size).collect()),
            gradient((0..2).map(|it| (it as f32 * 0.7 + time * 1.3).cos() * 0.5).collect()),
        ];
        let found = clip::norm(&clip::read(clip::squares(&gradients)).unwrap());
        assert!((found - norm).abs() < 1e-6 * norm, "norm {found} {norm}");
        let rate = schedule::learning_rate(t as u64, 6, &settings);
        let scale = clip::scale(found, 1.0);
        step(&RULE, t as u64 + 1, rate, scale, &mut parameters, &mut moments, &mut gradients);
        for (parameter, expected) in parameters.iter().zip([first.as_slice(), second.as_slice()]) {
            for (found, expected) in numbers(&parameter.value).iter().zip(expected) {
                let difference = (f64::from(*found) - expected).abs();
                assert!(difference < 1e-6, "step {t}: {found} {expected}");
            }
        }
    }
}

/// The textbook, one number at a time.
fn twin(rule: &Rule, decay: bool, rate: f64, scale: f64, gradients: &[f32], start: f32) -> f64 {
    let (mut value, mut first, mut second) = (f64::from(start), 0.0, 0.0);
    let (mut power1, mut power2) = (1.0, 1.0);
    for gradient in gradients {
        let gradient = f64::from(*gradient) * scale;
        first = rule.beta1 * first + (1.0 - rule.beta1) * gradient;
        second = rule.beta2 * second + (1.0 - rule.beta2) * gradient * gradient;
        power1 *= rule.beta1;
        power2 *= rule.beta2;
        if decay {
            value -= rate * rule.weight_decay * value;
        }
        value -=
            rate * (first / (1.0 - power1)) / ((second / (1.0 - power2)).sqrt() + rule.epsilon);
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_the_textbook(
        start in -3.0_f32..3.0,
        gradients in proptest::collection::vec(-2.0_f32..2.0, 1..12),
        beta1 in 0.0_f64..0.99,
        beta2 in 0.5_f64..0.9999,
        rate in 0.0_f64..0.1,
        scale in 0.1_f64..1.0,
        decay in any::<bool>(),
    ) {
        let rule = Rule { beta1, beta2, ..RULE };
        let mut parameters = [parameter(&[start], decay)];
        let mut moments = [Moments::new(&parameters[0])];
        for (t, number) in gradients.iter().enumerate() {
            let mut gradients = [gradient(vec![*number])];
            step(&rule, t as u64 + 1, rate, scale, &mut parameters, &mut moments, &mut gradients);
        }
        let found = f64::from(numbers(&parameters[0].value)[0]);
        let expected = twin(&rule, decay, rate, scale, &gradients, start);
        prop_assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn a_parameter_without_a_gradient_stays() {
    let mut parameters = [parameter(&[1.0], true), parameter(&[1.0], true)];
    let mut moments: Vec<Moments> = parameters.iter().map(Moments::new).collect();
    let mut gradients = [None, gradient(vec![1.0])];
    step(&RULE, 1, 0.1, 1.0, &mut parameters, &mut moments, &mut gradients);
    assert_eq!(numbers(&parameters[0].value), [1.0]);
    assert_eq!(numbers(&moments[0].second), [0.0]);
    assert!(numbers(&parameters[1].value)[0] < 0.91);
}

#[test]
fn a_step_at_rate_0_moves_the_moments_alone() {
    let mut parameters = [parameter(&[1.0], true)];
    let mut moments = [Moments::new(&parameters[0])];
    step(&RULE, 1, 0.0, 1.0, &mut parameters, &mut moments, &mut [gradient(vec![2.0])]);
    assert_eq!(numbers(&parameters[0].value), [1.0]);
    assert!((numbers(&moments[0].first)[0] - 0.2).abs() < 1e-6);
}
