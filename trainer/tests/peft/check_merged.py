#!/usr/bin/env python3
"""Loads a model that crossic merged with transformers, and compares its logits with those of crossic.

No weight may be missing or left over, the tokenizer must load and have a row in the embedding for each
of its ids, and with `--token` the named token must be one id. IDS_JSON is a list of lists of ids; LOGITS
holds `logits` or `logits.0`, `logits.1`, … Everything is computed in float32.

Usage: check_merged.py MODEL_DIR IDS_JSON LOGITS.safetensors [--tolerance 1e-4] [--token '[SPLIT]']
(needs torch, transformers, safetensors; no network)
"""

import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")

import tokenizers  # noqa: E402  (the environment is read when it is imported)
import torch  # noqa: E402
import transformers  # noqa: E402

import verdict  # noqa: E402


def load(folder: Path):
    """Returns the model in float32, and what transformers had to make up or leave out."""
    model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    problems = [f"{kind}: {sorted(map(str, found))}" for kind, found in report.items() if found]
    return model.eval(), problems


def tokenizer_problems(folder: Path, n_rows: int, token: str | None) -> list[str]:
    """Returns what is wrong with the tokenizer beside the model."""
    # For Qwen2, transformers makes an empty tokenizer where there is no file: that must not pass.
    if not (folder / "tokenizer.json").exists():
        return ["there is no `tokenizer.json`"]
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        return [f"the tokenizer does not load: {error}"]
    problems = []
    n_in_file = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    if len(tokenizer) != n_in_file:
        problems.append(f"transformers finds {len(tokenizer)} ids in the tokenizer, its file has {n_in_file}")
    if len(tokenizer) > n_rows:
        problems.append(f"the tokenizer has {len(tokenizer)} ids, the embedding {n_rows} rows")
    if token is not None:
        ids = tokenizer.encode(token, add_special_tokens=False)
        if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
            problems.append(f"`{token}` is no token of its own but {ids}")
    return problems


def main() -> None:
    parser = verdict.parser(__doc__.splitlines()[0])
    for name in ("model", "ids", "logits"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--token", help="a token that must be one id")
    arguments = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    try:
        model, problems = load(arguments.model)
    except (LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        verdict.conclude("merged model", 0.0, arguments.tolerance, [f"transformers cannot load it: {error}"])
    problems += tokenizer_problems(arguments.model, model.get_input_embeddings().weight.shape[0], arguments.token)
    ids = verdict.read_ids(arguments.ids)
    deviation, more = verdict.compare(model, ids, verdict.read_logits(arguments.logits, len(ids)))
    verdict.conclude("merged model", deviation, arguments.tolerance, problems + more)


if __name__ == "__main__":
    main()
