#!/usr/bin/env python3
"""Loads an adapter that crossic exported with PEFT, and compares its logits with those of crossic.

Every tensor of the adapter must be one that PEFT expects, and none may be missing. IDS_JSON is a list
of lists of ids; LOGITS holds `logits` or `logits.0`, `logits.1`, … Everything is computed in float32.
An adapter that brings rows of added tokens needs `--vocabulary`, the number of rows with them.

Usage: check_adapter.py ADAPTER_DIR BASE_DIR IDS_JSON LOGITS.safetensors [--tolerance 1e-4] [--vocabulary N]
(needs torch, transformers, peft, safetensors; no network)
"""

import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")

import peft  # noqa: E402  (the environment is read when it is imported)
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors import safe_open  # noqa: E402

import verdict  # noqa: E402


def load(adapter: Path, base: Path, n_rows: int | None):
    """Returns the base model in float32 with the adapter on it."""
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if n_rows is not None:
        model.resize_token_embeddings(n_rows, mean_resizing=False)
    return peft.PeftModel.from_pretrained(model, adapter).eval()


def name_problems(model, adapter: Path) -> list[str]:
    """Returns what the adapter lacks, and what it brings that PEFT would drop in silence."""
    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        ours = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    brings_embedding = any("embed_tokens" in name or "lm_head" in name for name in ours)
    wanted = peft.get_peft_model_state_dict(model, save_embedding_layers=brings_embedding)
    theirs = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    problems = [f"`{name}` is missing" for name in sorted(theirs.keys() - ours.keys()) if "lora_" in name]
    problems += [f"`{name}` is not a name that PEFT expects" for name in sorted(ours.keys() - theirs.keys())]
    shared = sorted(ours.keys() & theirs.keys())
    problems += [f"`{n}` is {ours[n]}, expected {theirs[n]}" for n in shared if ours[n] != theirs[n]]
    return problems


def adapter_effect(model, ids: list[torch.Tensor]) -> list[str]:
    """Returns a problem if the adapter changes nothing, for then the comparison would prove nothing."""
    with torch.no_grad():
        adapted = model(input_ids=ids[0]).logits
        with model.disable_adapter():
            base = model(input_ids=ids[0]).logits
    return ["the adapter changes no logit"] if torch.equal(adapted, base) else []


def main() -> None:
    parser = verdict.parser(__doc__.splitlines()[0])
    for name in ("adapter", "base", "ids", "logits"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--vocabulary", type=int, help="rows of the embedding with the added tokens")
    arguments = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    try:
        model = load(arguments.adapter, arguments.base, arguments.vocabulary)
    except (LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        verdict.conclude("adapter", 0.0, arguments.tolerance, [f"PEFT cannot load it: {error}"])
    ids = verdict.read_ids(arguments.ids)
    deviation, problems = verdict.compare(model, ids, verdict.read_logits(arguments.logits, len(ids)))
    problems += name_problems(model, arguments.adapter) + adapter_effect(model, ids)
    verdict.conclude("adapter", deviation, arguments.tolerance, problems)


if __name__ == "__main__":
    main()
