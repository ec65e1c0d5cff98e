//! Checkpoints that are saved, damaged, replaced and removed.

use super::*;
use crate::run::{durable::tests::failing_after, learner::Learner, toy::Toy};

fn state(step: u64) -> State {
    let settings = [("seed".to_owned(), "32".to_owned())].into();
    let state = State::new(settings, "base".to_owned(), "corpus".to_owned(), "cpu".to_owned());
    State { step, best: Some(Best { step: 1, loss: 0.1 }), ..state }
}

fn save_step(run: &RunDir, step: u64, n_kept: usize) -> Result<PathBuf> {
    let toy = Toy::new();
    let moments: Vec<_> = toy.parameters().iter().map(Moments::new).collect();
    save(run, &state(step), toy.parameters(), &moments, n_kept)
}

#[test]
fn what_is_saved_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    assert_eq!(find(&run).unwrap().state, None);
    save_step(&run, 7, 2).unwrap();
    let found = find(&run).unwrap().state.unwrap();
    assert_eq!(State { files: BTreeMap::new(), ..found.clone() }, state(7));
    assert_eq!(found.files.len(), 3);
    let (toy, mut other) = (Toy::new(), Toy::new());
    for parameter in other.parameters_mut() {
        parameter.value = parameter.value.zeros_like();
    }
    assert_ne!(toy.numbers(), other.numbers());
    let moments = restore(&run, 7, other.parameters_mut()).unwrap();
    assert_eq!(toy.numbers(), other.numbers());
    assert_eq!(moments.len(), 2);
    verify(&run, 7).unwrap();
    verify(&run, 8).unwrap_err();
}

#[test]
fn the_last_and_the_best_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    for step in 1..=6 {
        save_step(&run, step, 2).unwrap();
    }
    assert_eq!(steps(&run).unwrap(), [1, 5, 6]);
    save_step(&run, 7, 0).unwrap();
    assert_eq!(steps(&run).unwrap(), [1, 7]);
    let pointer = fs_err::read_to_string(run.join("checkpoints.json")).unwrap();
    let pointer: serde_json::Value = serde_json::from_str(&pointer).unwrap();
    assert_eq!(pointer, serde_json::json!({"last": "step-000007", "best": "step-000001"}));
}

#[test]
fn saving_that_fails_leaves_the_checkpoint_before() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    save_step(&run, 1, 1).unwrap();
    for n_changes in 0.. {
        let result = failing_after(n_changes, || save_step(&run, 2, 1));
        let found = find(&run).unwrap();
        assert!(found.notes.is_empty());
        assert!([1, 2].contains(&found.state.unwrap().step));
        match result {
            Ok(_) => break,
            Err(error) => {
                assert!(error.to_string().contains("no space"), "{error}");
                assert!(error.hint().is_none_or(|it| it.contains("make room")));
            }
        }
        assert!(n_changes < 100);
    }
    assert_eq!(find(&run).unwrap().state.unwrap().step, 2);
}

#[test]
fn every_damaged_byte_of_the_state_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    let path = save_step(&run, 3, 1).unwrap().join(STATE);
    let bytes = fs_err::read(&path).unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        fs_err::write(&path, changed).unwrap();
        let error = find(&run).unwrap_err();
        assert!(error.to_string().contains("step-000003"), "{error}");
    }
    fs_err::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    find(&run).unwrap_err();
    fs_err::write(&path, &bytes).unwrap();
    serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
    find(&run).unwrap();
}

#[test]
fn a_checkpoint_under_the_name_of_another_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    let path = save_step(&run, 3, 1).unwrap();
    fs_err::rename(path, self::dir(&run, 4)).unwrap();
    let error = find(&run).unwrap_err().to_string();
    assert!(error.contains("step-000004") && error.contains("of step 3"), "{error}");
}

#[test]
fn names_that_are_no_checkpoints_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    for name in ["step-7", "step-000007x", "step-", "damaged-step-000007", ".tmp-step-000007"] {
        fs_err::create_dir_all(run.join("checkpoints").join(name)).unwrap();
    }
    assert_eq!(steps(&run).unwrap(), [0; 0]);
    assert_eq!(name(1_234_567), "step-1234567");
}

#[test]
fn a_parameter_that_is_not_finite_is_not_saved_over_the_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::take(dir.path()).unwrap();
    save_step(&run, 1, 1).unwrap();
    let mut toy = Toy::new();
    toy.parameters_mut()[1].value = toy.parameters()[1].value.clone().mul_scalar(f32::INFINITY);
    let moments: Vec<_> = Toy::new().parameters().iter().map(Moments::new).collect();
    let error = save(&run, &state(2), toy.parameters(), &moments, 1).unwrap_err();
    assert_eq!(error.to_string(), "parameter `a` is not a finite number at step 2");
    assert_eq!(steps(&run).unwrap(), [1]);
}
