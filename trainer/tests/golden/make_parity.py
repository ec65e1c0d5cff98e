#!/usr/bin/env python3
"""Writes the golden numbers that the trainer is held against, computed by transformers and peft.

Two tiny models, one of Llama's kind and one of Qwen2's, are made from seeds, and what they answer is
stored beside them: logits, losses, gradients, ten optimizer steps, packed windows, an added token.
The same cases are then computed with float64 arithmetic, and `expected.json` says how far the two
lie apart: no tolerance of a test should be below that. README.md here describes every tensor.

Usage: make_parity.py [--out DIR]      (default: the folder of this script; no network)

Needs, in these versions, the numbers having been made with them on a CPU:
    torch==2.15.0 transformers==5.23.0 peft==0.21.2 safetensors==0.8.0 tokenizers==0.23.3 numpy==2.4.6
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false")

import peft  # noqa: E402  (the environment is read when it is imported)
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import parity_models as tiny  # noqa: E402

ROWS = [*range(0, tiny.LENGTH, 4)]
MAX_GRADIENT_NORM, LEARNING_RATE, WARM_UP = 1.0, 0.005, 2
CURVES = {
    "cosine": transformers.get_cosine_schedule_with_warmup,
    "linear": transformers.get_linear_schedule_with_warmup,
    "constant": lambda optimizer, warm_up, _: transformers.get_constant_schedule_with_warmup(optimizer, warm_up),
}


def load(folder: Path, dtype: torch.dtype):
    """Returns the base model with attention written out, so that a mask of four dimensions is taken as it is."""
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").train()


def adapted(family: tiny.Family, folder: Path, dtype: torch.dtype):
    """Returns the model with its adapter; only the adapter is trainable."""
    config = peft.LoraConfig(
        task_type="CAUSAL_LM", r=tiny.RANK, lora_alpha=tiny.ALPHA, lora_dropout=0.0, target_modules=list(tiny.LINEARS)
    )
    model = peft.get_peft_model(load(folder, dtype), config, autocast_adapter_dtype=False)
    weights = tiny.adapter_weights(family)
    assert set(weights) == set(peft.get_peft_model_state_dict(model))
    result = peft.set_peft_model_state_dict(model, {name: w.to(dtype) for name, w in weights.items()})
    assert not result.unexpected_keys
    return model


def loss_sum(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the summed cross-entropy: the logits of position i against the label of i + 1."""
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=tiny.IGNORE, reduction="sum"
    )


def n_labelled(labels: torch.Tensor) -> int:
    """Returns how many labels the loss sees; the first of a sequence is predicted by nothing."""
    return int((labels[..., 1:] != tiny.IGNORE).sum())


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the loss over all labelled tokens of the batch."""
    return loss_sum(logits, labels) / n_labelled(labels)


def adapter_tensors(model, of_gradient: bool) -> dict[str, torch.Tensor]:
    """Returns the adapter's weights or gradients under the names that stand in an adapter file."""
    found = {n.replace(".default.", "."): p for n, p in model.named_parameters() if p.requires_grad}
    return {n: (p.grad if of_gradient else p).detach().clone() for n, p in sorted(found.items())}


def prefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Returns the tensors under longer names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def probe(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """Returns vectors as they are, and of a matrix its products with cos(0), cos(1), …, from either side."""
    if tensor.dim() == 1:
        return {name: tensor}
    matrix = tensor.double()
    n_rows, n_columns = (torch.arange(n, dtype=torch.float64).cos() for n in matrix.shape)
    return {f"{name}.rows": matrix @ n_columns, f"{name}.columns": matrix.T @ n_rows}


def probes(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Returns the probes of many tensors."""
    found = {}
    for name, tensor in tensors.items():
        found |= probe(f"{prefix}.{name}", tensor)
    return found


def batch_case(family, folder, dtype, inputs):
    """One batch of two sequences: logits with and without the adapter, loss, every gradient of the adapter."""
    ids, labels = inputs["batch.ids"], inputs["batch.labels"]
    with torch.no_grad():
        base = load(folder, dtype)(input_ids=ids).logits
    model = adapted(family, folder, dtype)
    logits = model(input_ids=ids).logits
    loss = mean_loss(logits, labels)
    loss.backward()
    theirs = model(input_ids=ids, labels=labels).loss
    assert torch.allclose(loss.float(), theirs.float(), rtol=2e-6), (loss, theirs)
    tensors = {"batch.base_logits": base[:, ROWS], "batch.logits": logits[:, ROWS]}
    tensors |= prefixed("batch.gradient", adapter_tensors(model, of_gradient=True))
    facts = {"loss": loss.item(), "base_loss": mean_loss(base, labels).item(), "n_labelled": n_labelled(labels)}
    return tensors, {"batch": facts}


def optimise(model, inputs, weight_decay, learning_rate):
    """Takes all steps on the trainable weights and returns what a log would say of each."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)
    schedule = CURVES["cosine"](optimizer, WARM_UP, tiny.STEPS)
    log = {"loss": [], "gradient_norm": [], "learning_rate": [], "n_labelled": []}
    for ids, labels in zip(inputs["train.ids"], inputs["train.labels"]):
        n_tokens = sum(n_labelled(part) for part in labels)
        total = 0.0
        for part_ids, part_labels in zip(ids, labels):
            loss = loss_sum(model(input_ids=part_ids).logits, part_labels) / n_tokens
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(weights, MAX_GRADIENT_NORM)
        for key, value in zip(log, (total, norm.item(), schedule.get_last_lr()[0], n_tokens)):
            log[key].append(value)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return log | {"weight_decay": weight_decay, "max_learning_rate": learning_rate}


def train_case(family, folder, dtype, inputs):
    """Ten steps on the adapter, without and with weight decay."""
    tensors, facts = {}, {}
    for name, weight_decay in (("train", 0.0), ("train_decay", 0.1)):
        model = adapted(family, folder, dtype)
        facts[name] = optimise(model, inputs, weight_decay, LEARNING_RATE)
        clipped = sum(norm > MAX_GRADIENT_NORM for norm in facts[name]["gradient_norm"])
        assert 3 < clipped < tiny.STEPS - 3, facts[name]["gradient_norm"]
        tensors |= prefixed(f"{name}.final", adapter_tensors(model, of_gradient=False))
    return tensors, facts


def segment_mask(segments: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Returns `[batch, 1, query, key]`: 0 where a token may look, the least number where not."""
    same = segments[:, :, None] == segments[:, None, :]
    causal = torch.ones(same.shape[1:], dtype=torch.bool).tril()
    return torch.zeros(same.shape, dtype=dtype).masked_fill(~(same & causal), torch.finfo(dtype).min).unsqueeze(1)


def packed_case(family, folder, dtype, inputs):
    """One window of three segments: each alone, with positions of its own, and as one plain text."""
    ids, labels, segments = (inputs[f"packed.{key}"] for key in ("ids", "labels", "segments"))
    kinds = {
        "segment": {"position_ids": inputs["packed.positions"], "attention_mask": segment_mask(segments, dtype)},
        "causal": {},
    }
    tensors, facts = {}, {}
    for kind, options in kinds.items():
        model = adapted(family, folder, dtype)
        logits = model(input_ids=ids, **options).logits
        loss = mean_loss(logits, labels)
        loss.backward()
        if kind == "segment":
            alone = torch.cat([model(input_ids=part).logits for part in ids.split(tiny.SEGMENTS, dim=1)], dim=1)
            assert torch.allclose(alone, logits, atol=1e-4)
        tensors[f"{kind}.logits"] = logits[:, ROWS]
        tensors |= probes(f"{kind}.gradient", adapter_tensors(model, of_gradient=True))
        facts[kind] = {"loss": loss.item(), "loss_with_segment_starts": mean_loss(logits, ids).item()}
    return tensors, facts


def full_case(family, folder, dtype, inputs):
    """All weights trainable, without an adapter: the gradients of the batch, and the weights after ten steps."""
    model = load(folder, dtype)
    loss = mean_loss(model(input_ids=inputs["batch.ids"]).logits, inputs["batch.labels"])
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
    tensors = probes("full.gradient", gradients)
    norms = {n: g.double().norm().item() for n, g in gradients.items()}
    model.zero_grad()
    log = optimise(model, inputs, weight_decay=0.0, learning_rate=LEARNING_RATE / 5)
    tensors |= probes("full.final", {n: p.detach() for n, p in model.named_parameters()})
    return tensors, {"full": {"loss": loss.item(), "gradient_norms": norms}, "full_train": log}


def added_case(family, folder, dtype, inputs):
    """A vocabulary one row longer, the row the mean of the others; it alone is trainable beside the adapter."""
    ids = inputs["added.ids"]
    model = adapted(family, folder, dtype)
    tables = {"embedding": model.get_input_embeddings()}
    if not family.tied:
        tables["head"] = model.get_output_embeddings()
    tensors = {}
    for name, table in tables.items():
        row = table.weight.detach().mean(dim=0, keepdim=True)
        table.weight = torch.nn.Parameter(torch.cat([table.weight.detach(), row]))
        tensors[f"added.{name}_row"] = row[0]
    if family.tied:
        model.get_output_embeddings().weight = tables["embedding"].weight
    logits = model(input_ids=ids).logits
    assert logits.shape[-1] == tiny.VOCABULARY + 1
    loss = mean_loss(logits, ids)
    loss.backward()
    tensors["added.logits"] = logits[:, ROWS]
    for name, table in tables.items():
        tensors[f"added.{name}_row_gradient"] = table.weight.grad[-1]
        del table.weight.grad
        table.weight.requires_grad_(False)
    tensors |= probes("added.gradient", adapter_tensors(model, of_gradient=True))
    return tensors, {"added": {"loss": loss.item(), "id": tiny.VOCABULARY}}


def generate_case(family, folder, dtype, inputs):
    """Twelve greedy tokens after a prompt, with the adapter; the prompt is one that no end token follows."""
    model = adapted(family, folder, dtype).eval()
    ids, margins = inputs["generate.prompt"], []
    n_prompt = ids.shape[1]
    with torch.no_grad():
        for _ in range(12):
            best = model(input_ids=ids).logits[0, -1].topk(2)
            margins.append((best.values[0] - best.values[1]).item())
            ids = torch.cat([ids, best.indices[None, :1]], dim=1)
    theirs = model.generate(inputs["generate.prompt"], max_new_tokens=12, do_sample=False)
    assert torch.equal(ids, theirs) and min(margins) > 1e-3, (ids, theirs, margins)
    return {}, {"generate": {"ids": ids[0, n_prompt:].tolist(), "smallest_margin": min(margins)}}


CASES = (batch_case, train_case, packed_case, full_case, added_case, generate_case)


def compute(family, folder, dtype, inputs):
    """Returns the tensors and the facts of all cases in one precision."""
    tensors, facts = {}, {}
    for case in CASES:
        more_tensors, more_facts = case(family, folder, dtype, inputs)
        tensors |= {name: tensor.detach().contiguous() for name, tensor in more_tensors.items()}
        facts |= more_facts
    return tensors, facts


def half_logits(folder, inputs):
    """Returns the logits of the base model, in bfloat16 throughout."""
    with torch.no_grad():
        return load(folder, torch.bfloat16)(input_ids=inputs["batch.ids"]).logits[:, ROWS].contiguous()


def deviations(single, double) -> dict[str, float]:
    """Returns, by kind of tensor, the largest difference of the precisions over the tensor's largest number."""
    found: dict[str, float] = {}
    for name, tensor in single.items():
        kind = ".".join(name.split(".")[:2])
        deviation = ((tensor.double() - double[name].double()).abs().max() / double[name].abs().max()).item()
        found[kind] = float(f"{max(found.get(kind, 0.0), deviation):.1e}")
    return found


def losses(facts) -> dict[str, torch.Tensor]:
    """Returns the losses and the norms of the log as tensors, to be compared like them."""
    keys = ("loss", "gradient_norm")
    return {
        f"{case}.{key}": torch.tensor(values[key], dtype=torch.float64).reshape(-1)
        for case, values in facts.items()
        for key in keys
        if key in values
    }


def learning_rates() -> dict:
    """Returns the curves of transformers' schedules, as a share of the highest rate, for steps 0, 1, …"""
    found = []
    for warm_up, steps in ((WARM_UP, tiny.STEPS), (0, 7), (3, 23)):
        curves = {}
        for name, schedule in CURVES.items():
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
            rates = schedule(optimizer, warm_up, steps)
            curves[name] = []
            for _ in range(steps):
                curves[name].append(rates.get_last_lr()[0])
                optimizer.step()
                rates.step()
        found.append({"warm_up": warm_up, "steps": steps, **curves})
    return {"schedules": found}


def versions() -> dict[str, str]:
    """Returns what computed the numbers."""
    found = {module.__name__: module.__version__ for module in (torch, transformers, peft)}
    return found | {"python": sys.version.split()[0]}


def write_family(family: tiny.Family, out: Path, inputs: dict[str, torch.Tensor]) -> None:
    """Writes one model, its adapter, and what is expected of them."""
    folder = out / family.name
    tiny.write_model(family, folder)
    save_file(tiny.adapter_weights(family), folder / "lora.safetensors", metadata={"format": "pt"})
    tensors, facts = compute(family, folder, torch.float32, inputs)
    double, double_facts = compute(family, folder, torch.float64, inputs)
    facts["deviation_from_float64"] = deviations(tensors | losses(facts), double | losses(double_facts))
    stored = {name: tensor.float() for name, tensor in tensors.items()}
    stored["bf16.base_logits"] = half_logits(folder, inputs)
    facts["deviation_of_bf16"] = deviations(
        {"bf16.base_logits": stored["bf16.base_logits"]}, {"bf16.base_logits": double["batch.base_logits"]}
    )
    save_file(stored, folder / "expected.safetensors")
    lora = {"rank": tiny.RANK, "alpha": tiny.ALPHA, "target_modules": list(tiny.LINEARS)}
    tiny.write_json(folder / "expected.json", {"versions": versions(), "rows": ROWS, "lora": lora, **facts})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    out = parser.parse_args().out
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    out.mkdir(parents=True, exist_ok=True)
    inputs = tiny.make_inputs()
    save_file({name: tensor.to(torch.int32) for name, tensor in inputs.items()}, out / "inputs.safetensors")
    tiny.write_json(out / "schedules.json", learning_rates())
    for family in tiny.FAMILIES:
        write_family(family, out, inputs)


if __name__ == "__main__":
    main()
