//! How much memory training takes: what a block keeps for its backward pass, and how many blocks may keep it.
//!
//! The numbers are sizes of tensors that `model/` holds, counted by hand: whoever changes what a block saves changes
//! them, too. A test holds them against the model itself.

use std::path::Path;

use crate::{
    settings::{Method, Precision, Recompute, Settings},
    weights::{config::ModelConfig, names},
};

/// A micro-batch in a model: what decides the sizes of its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Shape of the model.
    pub config: &'a ModelConfig,
    /// What is trained and in which pieces attention and loss go.
    pub settings: &'a Settings,
    /// Number format of the activations.
    pub precision: Precision,
    /// Windows of a micro-batch.
    pub windows: usize,
    /// Tokens of the longest window.
    pub tokens: usize,
    /// Trained numbers.
    pub n_trained: usize,
}

/// Bytes a trained number takes once steps are made: gradient and two moments, and a copy while they change.
const TRAINED_BYTES: usize = 16;

impl Load<'_> {
    /// Returns the bytes that a block keeps for its backward pass, its input apart, which is kept in any case.
    pub fn kept_bytes(&self) -> u64 {
        let config = self.config;
        let (queries, keys) =
            (config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim);
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let per_row = queries + keys // turned by their positions
            + self.own("v_proj", keys, queries + 2 * keys)
            + queries // attended
            + width // between attention and feed-forward
            + self.own("gate_proj", inner, 0)
            + self.own("up_proj", inner, 0)
            + self.both_views(2 * inner)
            + self.ranks();
        self.bytes(per_row) + self.rows() * config.n_heads as u64 * 4
    }

    /// Returns the bytes that a step takes for a while however many blocks keep theirs.
    pub fn passing_bytes(&self) -> u64 {
        let (config, settings) = (self.config, self.settings);
        let inputs = self.bytes(config.hidden_size) * config.n_layers as u64;
        // Of a block: what it saves, what its backward pass makes of that, and a dropout mask with what it is drawn from.
        let widest = config.intermediate_size.max(config.hidden_size);
        let block = self.kept_bytes() + self.bytes(8 * widest) + self.rows() * 12 * widest as u64;
        let chunk = settings.attention_chunk.min(self.tokens) * self.tokens;
        let scores = (self.windows * config.n_heads * chunk) as u64 * (5 * 4 + 2 * self.width());
        let logits = settings.loss_chunk.min(self.windows * self.tokens) * config.vocab_size;
        let loss = logits as u64 * (4 * 4 + 2 * self.width());
        let trained = (self.n_trained * TRAINED_BYTES) as u64;
        inputs + trained + block.saturating_add(scores).max(loss)
    }

    /// Returns the bytes of a whole step in which so many blocks keep their activations, weights included.
    pub fn total_bytes(&self, n_kept_blocks: usize) -> u64 {
        // Trained numbers have a master in 32 bits beside what the model computes with.
        let weights =
            names::n_weights(self.config) as u64 * self.width() + self.n_trained as u64 * 4;
        weights + self.passing_bytes() + n_kept_blocks as u64 * self.kept_bytes()
    }

    /// Returns how many blocks, from the last, may keep their activations if `bytes` are to be had; `None` is not
    /// known, and then none does.
    pub fn kept_blocks(&self, bytes: Option<u64>) -> usize {
        let n_layers = self.config.n_layers;
        match self.settings.recompute {
            Recompute::None => n_layers,
            Recompute::All => 0,
            Recompute::Auto => {
                let left = bytes.unwrap_or(0).saturating_sub(self.passing_bytes());
                let n = left.checked_div(self.kept_bytes()).unwrap_or(0);
                usize::try_from(n).unwrap_or(n_layers).min(n_layers)
            }
        }
    }

    /// Returns the numbers a row of a layer's output holds: its own `n`, or `all` of the product that it is a view of
    /// where no adapter is added to it.
    fn own(&self, target: &str, n: usize, all: usize) -> usize {
        if self.adapted(target) { n } else { all }
    }

    /// Returns the numbers of the product of gate and up, if either is a view of it.
    fn both_views(&self, n: usize) -> usize {
        if self.adapted("gate_proj") && self.adapted("up_proj") { 0 } else { n }
    }

    fn adapted(&self, target: &str) -> bool {
        self.settings.method == Method::Lora && self.settings.targets.iter().any(|it| it == target)
    }

    /// Returns the numbers between A and B of all adapters of a block.
    fn ranks(&self) -> usize {
        match self.settings.method {
            Method::Lora => self.settings.targets.len() * self.settings.rank,
            Method::Full => 0,
        }
    }

    fn rows(&self) -> u64 {
        (self.windows * self.tokens) as u64
    }

    fn bytes(&self, numbers_per_row: usize) -> u64 {
        self.rows() * numbers_per_row as u64 * self.width()
    }

    /// Returns the bytes of a number.
    fn width(&self) -> u64 {
        match self.precision {
            Precision::F32 => 4,
            Precision::Bf16 => 2,
        }
    }
}

/// Returns the bytes of this machine's memory that can be had; `None` where Linux's files do not tell.
///
/// A container may have less than the machine.
pub fn of_machine() -> Option<u64> {
    let machine = available(&fs_err::read_to_string("/proc/meminfo").ok()?)?;
    let read = |name: &str| fs_err::read_to_string(Path::new("/sys/fs/cgroup").join(name)).ok();
    let container =
        || left_in_container(&read("memory.max")?, &read("memory.current")?, &read("memory.stat")?);
    Some(container().map_or(machine, |left| machine.min(left)))
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|it| it.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns the bytes under a container's limit; `None` if it has none, which the file calls `max`.
fn left_in_container(most: &str, used: &str, stat: &str) -> Option<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    // Pages of files that were read count as used, but go as soon as memory is asked for.
    let files = stat.lines().find_map(|it| number(it.strip_prefix("inactive_file ")?)).unwrap_or(0);
    Some(number(most)?.saturating_sub(number(used)?.saturating_sub(files)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::LINEARS;

    fn llama_8b() -> ModelConfig {
        let json = serde_json::json!({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
            "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "vocab_size": 128_256, "rms_norm_eps": 1e-5, "rope_theta": 5e5,
        });
        ModelConfig::parse("config.json".as_ref(), json.to_string().as_bytes()).unwrap()
    }

    fn check(recompute: Recompute, bytes: Option<u64>, expected: usize) {
        let (config, settings) = (llama_8b(), Settings { recompute, ..Settings::default() });
        assert_eq!(
            load(&config, &settings).kept_blocks(bytes),
            expected,
            "{recompute:?} {bytes:?}"
        );
    }

    fn load<'a>(config: &'a ModelConfig, settings: &'a Settings) -> Load<'a> {
        let precision = Precision::Bf16;
        Load { config, settings, precision, windows: 1, tokens: 4096, n_trained: 167_772_160 }
    }

    #[test]
    fn blocks_keep_what_fits_beside_everything_else() {
        let (config, settings) = (llama_8b(), Settings::default());
        let load = load(&config, &settings);
        let (kept, passing) = (load.kept_bytes(), load.passing_bytes());
        // q, k, v, attended, the sum between the halves, gate and up, and seven ranks; sums of 32 heads.
        let numbers = 4096 + 1024 + 1024 + 4096 + 4096 + 2 * 14336 + 7 * 64;
        assert_eq!(kept, 4096 * (numbers * 2 + 32 * 4));
        check(Recompute::Auto, None, 0);
        check(Recompute::Auto, Some(0), 0);
        check(Recompute::Auto, Some(passing + kept - 1), 0);
        check(Recompute::Auto, Some(passing + kept), 1);
        check(Recompute::Auto, Some(passing + 31 * kept + 5), 31);
        check(Recompute::Auto, Some(u64::MAX), 32);
        check(Recompute::None, None, 32);
        check(Recompute::All, Some(u64::MAX), 0);
    }

    #[test]
    fn more_rows_or_wider_numbers_take_more() {
        let (config, settings) = (llama_8b(), Settings::default());
        let one = load(&config, &settings);
        let two = Load { windows: 2, ..one };
        assert_eq!(two.kept_bytes(), 2 * one.kept_bytes());
        assert!(one.passing_bytes() < two.passing_bytes());
        let wide = Load { precision: Precision::F32, ..one };
        assert!(one.kept_bytes() < wide.kept_bytes());
        // A layer without an adapter is a view of the whole product, which stays.
        for target in ["v_proj", "gate_proj", "up_proj"] {
            let targets = LINEARS.iter().filter(|it| **it != target).map(|it| (*it).to_owned());
            let settings = Settings { targets: targets.collect(), rank: 0, ..Settings::default() };
            let all = Settings { rank: 0, ..Settings::default() };
            assert!(load(&config, &all).kept_bytes() < load(&config, &settings).kept_bytes());
        }
    }

    #[test]
    fn free_memory_is_read_from_what_linux_writes() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    7 kB\nBuffers: 1 kB\n"), Some(7168));
        for text in ["", "MemAvailable: x kB\n", "MemAvailable: 7\n"] {
            assert_eq!(available(text), None);
        }
        assert_eq!(left_in_container("1000\n", "700\n", "anon 1\ninactive_file 200\n"), Some(500));
        assert_eq!(left_in_container("1000\n", "700\n", ""), Some(300));
        assert_eq!(left_in_container("1000\n", "1700\n", ""), Some(0));
        assert_eq!(left_in_container("max\n", "700\n", ""), None);
    }
}
