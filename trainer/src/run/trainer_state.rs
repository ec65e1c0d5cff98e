//! `trainer_state.json` as Hugging Face's trainer writes it, for the tools that read it.

use serde_json::{Map, Value, json};

use super::{checkpoint::State, metrics::Line};
use crate::settings::Settings;

/// Returns the file's content. `best_checkpoint` is the path of the best checkpoint.
pub fn trainer_state(
    settings: &Settings,
    state: &State,
    best_checkpoint: Option<String>,
    lines: &[Line],
) -> String {
    let every = |steps: u64| if steps == 0 { state.n_steps } else { steps };
    let epoch = lines.last().map_or(0.0, |it| match it {
        Line::Step(line) => line.epoch,
        Line::Eval(line) => line.epoch,
    });
    let value = json!({
        "best_global_step": state.best.map(|it| it.step),
        "best_metric": state.best.map(|it| it.loss),
        "best_model_checkpoint": best_checkpoint,
        "epoch": epoch,
        "eval_steps": every(settings.validate_every),
        "global_step": state.step,
        "is_hyper_param_search": false,
        "is_local_process_zero": true,
        "is_world_process_zero": true,
        "log_history": lines.iter().map(entry).collect::<Vec<_>>(),
        "logging_steps": 1,
        "max_steps": state.n_steps,
        "num_input_tokens_seen": state.n_tokens,
        "num_train_epochs": settings.epochs,
        "save_steps": every(settings.checkpoint_every),
        "stateful_callbacks": {},
        "total_flos": 0.0,
        "train_batch_size": settings.micro_windows,
        "trial_name": null,
        "trial_params": null,
    });
    format!("{value:#}\n")
}

fn entry(line: &Line) -> Value {
    match line {
        Line::Step(line) => json!({
            "epoch": line.epoch,
            "grad_norm": line.grad_norm,
            "learning_rate": line.lr,
            "loss": line.loss,
            "num_input_tokens_seen": line.tokens,
            "step": line.step,
        }),
        Line::Eval(line) => {
            let mut entry = Map::new();
            entry.insert("epoch".to_owned(), json!(line.epoch));
            entry.insert("eval_loss".to_owned(), json!(line.eval_loss));
            for (language, loss) in &line.eval_languages {
                entry.insert(format!("eval_{language}_loss"), json!(loss));
            }
            entry.insert("eval_perplexity".to_owned(), json!(line.eval_ppl));
            entry.insert("eval_runtime".to_owned(), json!(line.seconds));
            entry.insert("step".to_owned(), json!(line.step));
            Value::Object(entry)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{
        checkpoint::Best,
        metrics::tests::{eval, step},
    };

    #[test]
    fn it_has_the_keys_that_transformers_reads() {
        let settings = Settings { validate_every: 0, ..Settings::default() };
        let (base, corpus) = ("base".to_owned(), "corpus".to_owned());
        let mut state = State::new(Default::default(), base, corpus, "cpu".to_owned());
        state.step = 2;
        state.n_steps = 4;
        state.best = Some(Best { step: 2, loss: 7.5 });
        let lines = [step(1, 8.0), step(2, 7.0), eval(2, 7.5)];
        let dir = Some("run/checkpoints/step-000002".to_owned());
        let text = trainer_state(&settings, &state, dir, &lines);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["global_step"], 2);
        assert_eq!(value["max_steps"], 4);
        assert_eq!(value["eval_steps"], 4);
        assert_eq!(value["best_metric"], 7.5);
        assert_eq!(value["best_model_checkpoint"], "run/checkpoints/step-000002");
        assert_eq!(value["log_history"][1]["loss"], 7.0);
        assert_eq!(value["log_history"][2]["eval_loss"], 7.5);
        assert_eq!(value["log_history"][2]["eval_en_loss"], 7.0);
    }
}
