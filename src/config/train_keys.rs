//! The keys of `[train]` for `crossic list`: name, default and what each does.

use crossic_operators::operator::Key;

const fn key(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, default, about }
}

/// Every key of `[train]`, in the order of the settings.
pub const KEYS: &[Key] = &[
    key("model", "", "directory of the base model: config.json, safetensors, tokenizer.json"),
    key(
        "init",
        "\"pretrained\"",
        "pretrained, or random: weights drawn anew, needs config.json only",
    ),
    key("dir", "", "run directory: checkpoints, metrics, the adapter"),
    key("corpus", "", "name of the sink whose corpus is learned; not needed where there is one"),
    key("method", "\"lora\"", "lora (adapters beside frozen weights) or full (every weight)"),
    key("rank", "64", "rank of the adapters"),
    key("alpha", "128", "an adapter counts alpha / rank"),
    key("dropout", "0.05", "share of an adapter's inputs that is zeroed in training"),
    key(
        "targets",
        "",
        "linear layers of a block that get an adapter, by the last part of their name; left out, all of them",
    ),
    key(
        "sampler",
        "\"split-aligned\"",
        "windows of whole segments in order (split-aligned), of the best-fitting ones (best-fit), or a stream cut every N tokens (concat-chop, for documents too)",
    ),
    key("tokens", "", "N: most tokens of a window; left out, that of the corpus"),
    key(
        "attention",
        "\"causal\"",
        "a token sees all before it in its window (causal) or in its segment only (segment)",
    ),
    key("loss-on", "\"all\"", "tokens that are learned: all, target (language) or english"),
    key("split-loss", "true", "whether the token that closes a segment is learned"),
    key("shuffle", "true", "shuffle the segments before windows are made, by `seed` and epoch"),
    key("batch-windows", "128", "windows of an optimizer step"),
    key("batch-tokens", "", "tokens of an optimizer step at least, instead of `batch-windows`"),
    key("micro-windows", "1", "windows that go through the model at once: speed against memory"),
    key("epochs", "1", "passes over the corpus"),
    key("max-steps", "", "optimizer steps at most"),
    key("learning-rate", "1e-4", "highest learning rate; the paper does not state it"),
    key("warmup-ratio", "0.05", "share of the steps in which the learning rate rises from 0"),
    key("schedule", "\"cosine\"", "how it falls then: cosine or linear to 0, or constant"),
    key("beta1", "0.9", "AdamW: decay of the first moment"),
    key("beta2", "0.999", "AdamW: decay of the second moment"),
    key("epsilon", "1e-8", "AdamW: term against division by zero"),
    key("weight-decay", "0.0", "AdamW: decoupled weight decay"),
    key("clip", "1.0", "highest norm of all gradients together; 0 for no limit"),
    key("seed", "32", "seed of shuffling, dropout and random weights"),
    key("validation", "0.001", "share of the pairs that is held back for validation"),
    key("validation-seed", "32", "seed of that choice"),
    key("validate-every", "100", "steps between validations; 0 for one at the end"),
    key("validation-windows", "256", "windows of a validation at most"),
    key("checkpoint-every", "100", "steps between checkpoints; 0 for one at the end"),
    key("keep-checkpoints", "2", "checkpoints that are kept, the best one not counted"),
    key(
        "choose",
        "\"last\"",
        "checkpoint that becomes the adapter: last, or best by validation loss",
    ),
    key("patience", "0", "validations without a lower loss after which training ends; 0 for never"),
    key(
        "precision",
        "",
        "numbers of activations and frozen weights, bf16 or f32; left out, f32 on a CPU and bf16 on a GPU",
    ),
    key(
        "recompute",
        "\"auto\"",
        "blocks whose activations are computed twice to save memory: auto, none or all",
    ),
    key("attention-chunk", "512", "queries that attend at once: less is less memory"),
    key("loss-chunk", "1024", "tokens whose logits are held at once: less is less memory"),
    key("export-precision", "\"f32\"", "numbers of the exported adapter: f32 or bf16"),
];

#[cfg(test)]
mod tests {
    use crossic_trainer::settings::Settings;

    use super::*;

    #[test]
    fn the_keys_and_their_defaults_are_those_of_the_settings() {
        let keys = KEYS.iter().filter(|key| !key.default.is_empty());
        let text: String = keys.map(|key| format!("{} = {}\n", key.name, key.default)).collect();
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), Settings::default());
        // TOML has no null, so what is left out here is what has no default.
        let defaults = toml::Table::try_from(Settings::default()).unwrap();
        let mut named: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        named.sort_unstable();
        let all = serde_json::to_value(Settings::default()).unwrap();
        let mut all: Vec<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
        all.sort_unstable();
        assert_eq!(named, all);
        for key in KEYS.iter().filter(|key| key.default.is_empty()) {
            let required = ["model", "dir", "targets"].contains(&key.name);
            assert!(required || !defaults.contains_key(key.name), "{}", key.name);
        }
    }
}
