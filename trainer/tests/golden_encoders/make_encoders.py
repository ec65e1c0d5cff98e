#!/usr/bin/env python3
"""Writes the golden numbers that the encoders are held against, computed by transformers.

Tiny models from a seed, each a directory in the Hugging Face layout: `bert` (WordPiece, mean pooling), `xlm-roberta`
(Unigram, positions after that of padding, first token), `gte` (the names and the configuration of `NewModel`, as
gte-multilingual-base has them) and `gte-stock` (the same weights by the names of transformers' `GteModel`; configuration
and weights alone). `expected.json` of each holds the ids and the unit vector of every text of `texts.json`.

transformers has no `ntk` scaling of rotary embeddings, which `NewModel` has: the base times the factor, and every wave
longer by factor^(2 / width of a head). That is `linear` with another base and another factor, and computed as such.

With --minilm DIR, the vectors of the real all-MiniLM-L6-v2 are written, too: minilm.json; the weights are not kept.

Usage: make_encoders.py [--out DIR] [--minilm DIR]      (default: the folder of this script; no network)

Needs, in these versions, the numbers having been made with them on a CPU:
    torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 tokenizers==0.23.3 numpy==2.4.6
"""

import argparse
import hashlib
import json
import os
import re
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false")

import tokenizers  # noqa: E402  (the environment is read when it is imported)
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

SENTENCES = [
    "This is an example sentence",
    "Each sentence is converted",
    "The river freezes in winter, and boats stay in the harbour.",
    "Мост через реку построили в 1932 году; он деревянный.",
    "地震の後、町は再建された。",
    "",
    "   \n\t ",
    "Naïve café — ÜBER 3,5 % (sic!)",
]
LONG = " ".join(f"{word} {number}" for number in range(400) for word in ("harbour", "winter", "boats"))
TEXTS = [*SENTENCES, LONG, "river", "a", "winter boats"]
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FACTOR, THETA = 8.0, 20_000.0


def word_piece() -> tokenizers.Tokenizer:
    """Returns a tokenizer of BERT's kind that was saved with a length and a padding, which readers have to undo."""
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES[:4], trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    tokenizer.enable_truncation(9)
    tokenizer.enable_padding(length=9)
    return tokenizer


def unigram() -> tokenizers.Tokenizer:
    """Returns a tokenizer of XLM-RoBERTa's kind."""
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ids
    )
    return tokenizer


def seeded(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Draws all weights so large that every layer, every bias and every norm tells in the result."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            drawn = torch.randn(weight.shape, generator=generator)
            is_norm = re.search(r"(LayerNorm|layernorm)\.weight$", name)
            weight.copy_(1 + 0.2 * drawn if is_norm else 0.25 * drawn)
    return model.eval()


def encode(model, tokenizer: tokenizers.Tokenizer, texts: list[str], max_tokens: int, pooling: str) -> list[dict]:
    """Returns ids and unit vectors, text by text, so that no padding is anywhere."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    found = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        pooled = hidden[0] if pooling == "cls" else hidden.mean(0)
        vector = torch.nn.functional.normalize(pooled, dim=0)
        found.append({"ids": ids, "vector": [float(f"{it:.9g}") for it in vector.tolist()]})
    return found


def write_json(path: Path, value) -> None:
    """Writes a value, a line for each member of its outermost list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(it, ensure_ascii=False) for it in value) + "\n]"
    else:
        text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def write(folder: Path, model, config: dict, tensors: dict, tokenizer, max_tokens: int, pooling: str) -> None:
    """Writes a whole directory, and what it is expected to say."""
    write_weights(folder, config, tensors)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    switches = {f"pooling_mode_{it}_tokens": it == pooling for it in ("mean", "max", "mean_sqrt_len")}
    write_json(folder / "1_Pooling/config.json", switches | {"pooling_mode_cls_token": pooling == "cls"})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    write_json(folder / "expected.json", encode(model, tokenizer, TEXTS, max_tokens, pooling))
    model.double()
    exact = encode(model, tokenizer, TEXTS, max_tokens, pooling)
    found = json.loads((folder / "expected.json").read_text())
    pairs = [(a, b) for x, y in zip(found, exact) for a, b in zip(x["vector"], y["vector"])]
    print(folder.name, "32 bits against 64:", max(abs(a - b) for a, b in pairs))


def write_weights(folder: Path, config: dict, tensors: dict) -> None:
    """Writes configuration and weights, these in 16 bits: the model computes with what 16 bits hold."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    save_file({name: it.detach().half().contiguous() for name, it in tensors.items()}, folder / "model.safetensors")


def halved(model: torch.nn.Module) -> torch.nn.Module:
    """Rounds the weights to what 16 bits hold; they stay in 32."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half().float())
    return model


def make_bert(out: Path) -> None:
    tokenizer = word_piece()
    sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    config = transformers.BertConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=40, **sizes)
    model = halved(seeded(transformers.BertModel(config, add_pooling_layer=False), 1))
    plain = {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    plain |= {"vocab_size": config.vocab_size, "max_position_embeddings": 40, "type_vocab_size": 2, **sizes}
    tensors = dict(model.named_parameters())
    write(out / "bert", model, plain, tensors, tokenizer, 24, "mean")


def make_xlm_roberta(out: Path) -> None:
    tokenizer = unigram()
    sizes = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40)
    rest = dict(type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, max_position_embeddings=34)
    config = transformers.XLMRobertaConfig(vocab_size=tokenizer.get_vocab_size(), **rest, **sizes)
    model = halved(seeded(transformers.XLMRobertaModel(config, add_pooling_layer=False), 2))
    plain = {"architectures": ["XLMRobertaForMaskedLM"], "model_type": "xlm-roberta", "hidden_act": "gelu"}
    plain |= {"vocab_size": config.vocab_size, **rest, **sizes}
    tensors = {f"roberta.{name}": it for name, it in model.named_parameters()}
    write(out / "xlm-roberta", model, plain, tensors, tokenizer, 32, "cls")


def new_names(tensors: dict) -> dict:
    """Returns the weights of a `GteModel` by the names of `NewModel`, which keeps some of them in one matrix."""
    found = {}
    for name, tensor in tensors.items():
        if not name.startswith("layers."):
            found[name] = tensor
            continue
        _, number, rest = name.split(".", 2)
        layer = f"encoder.layer.{number}."
        if rest.startswith("self_attn.q_proj"):
            others = [tensors[name.replace("q_proj", it)] for it in ("q_proj", "k_proj", "v_proj")]
            found[layer + "attention.qkv_proj." + rest.rsplit(".", 1)[1]] = torch.cat(others)
        elif rest == "mlp.up_proj.weight":
            found[layer + "mlp.up_gate_proj.weight"] = torch.cat([tensor, tensors[name.replace("up_proj", "gate_proj")]])
        elif not re.match(r"self_attn\.[kv]_proj|mlp\.gate_proj", rest):
            for theirs, ours in {
                "self_attn.o_proj": "attention.o_proj",
                "post_attention_layernorm": "attn_ln",
                "post_mlp_layernorm": "mlp_ln",
            }.items():
                rest = rest.replace(theirs, ours)
            found[layer + rest] = tensor
    return found


def make_gte(out: Path) -> None:
    tokenizer = unigram()
    sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    rest = dict(vocab_size=tokenizer.get_vocab_size(), type_vocab_size=1, layer_norm_eps=1e-12)
    rest |= dict(max_position_embeddings=700, hidden_act="gelu")
    width = sizes["hidden_size"] // sizes["num_attention_heads"]
    linear = {"rope_type": "linear", "rope_theta": THETA * FACTOR, "factor": FACTOR ** (2 / width)}
    config = transformers.GteConfig(**rest, **sizes, rope_parameters=linear)
    model = halved(seeded(transformers.GteModel(config), 3))
    tensors = dict(model.named_parameters())
    stock = {"architectures": ["GteModel"], "model_type": "gte", "rope_parameters": linear, **rest, **sizes}
    write_weights(out / "gte-stock", stock, tensors)
    new = {"architectures": ["NewModel"], "model_type": "new", "position_embedding_type": "rope", "pack_qkv": True}
    new |= {"rope_theta": THETA, "rope_scaling": {"type": "ntk", "factor": FACTOR}, "layer_norm_type": "layer_norm"}
    new |= {"logn_attention_scale": False, "unpad_inputs": False, "use_memory_efficient_attention": False}
    named = {f"new.{name}": it for name, it in new_names(tensors).items()}
    # Longer than a chunk of queries.
    write(out / "gte", model, new | rest | sizes, named, tokenizer, 600, "cls")


def make_minilm(out: Path, folder: Path) -> None:
    """Writes the vectors of the real model, if it is the real one."""
    weights = folder / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert digest == MINILM_SHA256, f"{weights} is not the published one: {digest}"
    config = transformers.BertConfig.from_pretrained(folder)
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    tensors = {name: it for name, it in load_file(weights).items() if not name.startswith("pooler")}
    tensors.pop("embeddings.position_ids", None)
    model.load_state_dict(tensors, strict=False)
    assert set(tensors) == set(dict(model.named_parameters()))
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = [*SENTENCES[:6], LONG]
    found = encode(model, tokenizer, texts, 256, "mean")
    write_json(out / "minilm.json", [{"text": text, **it} for text, it in zip(texts, found)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--minilm", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    write_json(arguments.out / "texts.json", TEXTS)
    for make in (make_bert, make_xlm_roberta, make_gte):
        make(arguments.out)
    if arguments.minilm:
        make_minilm(arguments.out, arguments.minilm)


if __name__ == "__main__":
    main()
