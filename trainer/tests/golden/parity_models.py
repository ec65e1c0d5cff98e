"""The tiny models, adapters and inputs that the golden numbers of the trainer are made from.

Every tensor has a generator of its own, seeded by its name, so that adding one changes no other.
Base weights are numbers that bfloat16, float16 and float32 hold alike: files and tests may take any.
"""

import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

VOCABULARY, HIDDEN, LAYERS, HEADS, KEY_VALUE_HEADS, FEED_FORWARD = 200, 64, 2, 4, 2, 72
HEAD_WIDTH = HIDDEN // HEADS
RANK, ALPHA = 4, 8
LENGTH, BATCH = 37, 2
STEPS, ACCUMULATION, TRAIN_LENGTH = 10, 2, 21
SEGMENTS = (15, 9, 13)
PROMPT = (76, 142, 34, 165, 34)
IGNORE = -100
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SPECIAL_TOKENS = ("[UNK]", "<|begin_of_text|>", "<|end_of_text|>")
SPACE = "\u0120"  # what byte-level vocabularies write for a space
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Family:
    """A model family: its folder, its `config.json`, and how its weights lie on the disk."""

    name: str
    config: dict
    stored: tuple[torch.dtype, ...]
    "One precision for each file the weights lie in."

    @property
    def tied(self) -> bool:
        return self.config["tie_word_embeddings"]


SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": FEED_FORWARD,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEY_VALUE_HEADS,
    "max_position_embeddings": 512,
    "hidden_act": "silu",
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.02,
    "attention_dropout": 0.0,
    "use_cache": True,
}

# The wavelengths of the eight frequencies are 6, 20, 63, 199, 628 … positions: with 64 original
# positions the first stays, the second and third are blended, the rest are stretched by 8.
LLAMA = Family(
    name="llama",
    config={
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **SIZES,
        "attention_bias": False,
        "mlp_bias": False,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": {
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
            "rope_type": "llama3",
        },
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    },
    stored=(torch.bfloat16,),
)

# This one is written the way transformers 5 writes it: `rope_parameters` and `dtype`.
QWEN2 = Family(
    name="qwen2",
    config={
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        **SIZES,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
        "use_sliding_window": False,
        "sliding_window": None,
        "max_window_layers": LAYERS,
        "tie_word_embeddings": True,
        "dtype": "float32",
    },
    stored=(torch.float16, torch.float32),
)

FAMILIES = (LLAMA, QWEN2)


def generator(name: str) -> torch.Generator:
    """Returns the generator that belongs to a name."""
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def normal(name: str, shape: tuple[int, ...], scale: float, mean: float = 0.0) -> torch.Tensor:
    """Returns normal numbers that depend on the name alone."""
    return mean + scale * torch.randn(shape, generator=generator(name))


def linear_shapes(layer: int) -> dict[str, tuple[int, int]]:
    """Returns the `[out, in]` shapes of the linear layers of one block, by their names in the model."""
    keys = KEY_VALUE_HEADS * HEAD_WIDTH
    attention = {"q_proj": (HIDDEN, HIDDEN), "k_proj": (keys, HIDDEN), "v_proj": (keys, HIDDEN), "o_proj": (HIDDEN, HIDDEN)}
    gated = {"gate_proj": (FEED_FORWARD, HIDDEN), "up_proj": (FEED_FORWARD, HIDDEN), "down_proj": (HIDDEN, FEED_FORWARD)}
    prefix = f"model.layers.{layer}"
    return {f"{prefix}.self_attn.{k}": v for k, v in attention.items()} | {f"{prefix}.mlp.{k}": v for k, v in gated.items()}


def base_weights(family: Family) -> dict[str, torch.Tensor]:
    """Returns the weights of the base model, large enough that logits and attention are not flat."""
    weights = {"model.embed_tokens.weight": normal(f"{family.name} embed", (VOCABULARY, HIDDEN), 0.1)}
    norms = ["model.norm"]
    for layer in range(LAYERS):
        for name, shape in linear_shapes(layer).items():
            weights[f"{name}.weight"] = normal(f"{family.name} {name}", shape, 1.0 / math.sqrt(shape[1]))
            if family.name == "qwen2" and name.rsplit(".", 1)[1] in ("q_proj", "k_proj", "v_proj"):
                weights[f"{name}.bias"] = normal(f"{family.name} {name} bias", shape[:1], 0.4)
        norms += [f"model.layers.{layer}.{kind}_layernorm" for kind in ("input", "post_attention")]
    for name in norms:
        weights[f"{name}.weight"] = normal(f"{family.name} {name}", (HIDDEN,), 0.2, mean=1.0)
    if not family.tied:
        weights["lm_head.weight"] = normal(f"{family.name} head", (VOCABULARY, HIDDEN), 0.08)
    return {name: weights[name].to(torch.bfloat16).half().float() for name in sorted(weights)}


def adapter_weights(family: Family) -> dict[str, torch.Tensor]:
    """Returns A `[rank, in]` and B `[out, rank]` of every linear layer, under the names PEFT gives them."""
    weights = {}
    for layer in range(LAYERS):
        for name, (n_out, n_in) in linear_shapes(layer).items():
            prefix = f"base_model.model.{name}"
            weights[f"{prefix}.lora_A.weight"] = normal(f"{family.name} {name} A", (RANK, n_in), 1 / math.sqrt(3 * n_in))
            weights[f"{prefix}.lora_B.weight"] = normal(f"{family.name} {name} B", (n_out, RANK), 0.05)
    return dict(sorted(weights.items()))


def write_model(family: Family, folder: Path) -> None:
    """Writes a Hugging Face model folder: configuration, tokenizer, and weights in one file or in several."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", family.config)
    write_tokenizer(folder)
    weights, n_files = base_weights(family), len(family.stored)
    place = {name: i * n_files // len(weights) for i, name in enumerate(weights)}
    files = [f"model-{i + 1:05}-of-{n_files:05}.safetensors" for i in range(n_files)] if n_files > 1 else ["model.safetensors"]
    for i, (file, dtype) in enumerate(zip(files, family.stored)):
        part = {name: weight.to(dtype) for name, weight in weights.items() if place[name] == i}
        save_file(part, folder / file, metadata={"format": "pt"})
    if n_files > 1:
        size = sum(w.numel() * family.stored[place[n]].itemsize for n, w in weights.items())
        index = {"metadata": {"total_size": size}, "weight_map": {name: files[i] for name, i in place.items()}}
        write_json(folder / "model.safetensors.index.json", index)


def write_tokenizer(folder: Path) -> None:
    """Writes a byte-level BPE of the printable ASCII characters and some syllables, cut the way Qwen2 cuts.

    For Qwen2, transformers takes vocabulary and merges from the file and all else from its own code.
    """
    characters = [chr(c) for c in range(ord("!"), ord("~") + 1)] + [SPACE]
    merges = [(a, b) for a in "abcdefghijklmnopqrstuvwxyz" for b in "aeiou"]
    merges = merges[: VOCABULARY - len(SPECIAL_TOKENS) - len(characters)]
    tokens = [*SPECIAL_TOKENS, *characters, *map("".join, merges)]
    tokenizer = Tokenizer(BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    cut = pre_tokenizers.Split(Regex(WORDS), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    unknown, begin, end = SPECIAL_TOKENS
    names = {"unk_token": unknown, "bos_token": begin, "eos_token": end, "pad_token": end}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **names})


def write_json(path: Path, value: object) -> None:
    """Writes JSON with a line end."""
    path.write_text(json.dumps(value, indent=1) + "\n")


def token_ids(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Returns ids that are no special tokens."""
    return torch.randint(len(SPECIAL_TOKENS), VOCABULARY, shape, generator=generator(name))


def labels_of(ids: torch.Tensor, name: str, ignored: float | torch.Tensor) -> torch.Tensor:
    """Returns the ids as labels, a share of them replaced by the value that the loss ignores."""
    draw = torch.rand(ids.shape, generator=generator(f"{name} labels"))
    return torch.where(draw < ignored, torch.tensor(IGNORE), ids)


def make_inputs() -> dict[str, torch.Tensor]:
    """Returns all inputs. Labels stand at the place of their own token: position i predicts label i + 1."""
    batch = token_ids("batch", (BATCH, LENGTH))
    train = token_ids("train", (STEPS, ACCUMULATION, BATCH, TRAIN_LENGTH))
    # Ever more labels are ignored, in unlike shares, so that micro-batches weigh differently.
    shares = torch.linspace(0.0, 0.9, STEPS * ACCUMULATION).reshape(STEPS, ACCUMULATION, 1, 1)
    packed = token_ids("packed", (1, LENGTH))
    segments = torch.cat([torch.full((n,), i) for i, n in enumerate(SEGMENTS)])
    positions = torch.cat([torch.arange(n) for n in SEGMENTS])
    packed_labels = packed.masked_fill((positions == 0).unsqueeze(0), IGNORE)
    added = token_ids("added", (BATCH, LENGTH))
    added[0, 4] = added[0, 20] = added[1, 11] = added[1, LENGTH - 1] = VOCABULARY
    return {
        "batch.ids": batch,
        "batch.labels": labels_of(batch, "batch", 0.25),
        "train.ids": train,
        "train.labels": labels_of(train, "train", shares),
        "packed.ids": packed,
        "packed.labels": packed_labels,
        "packed.positions": positions.unsqueeze(0),
        "packed.segments": segments.unsqueeze(0),
        "added.ids": added,
        "generate.prompt": torch.tensor([PROMPT]),
    }
