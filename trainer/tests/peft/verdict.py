"""What the two checks of exported models share: reading ids and logits, comparing, and the verdict."""

import argparse
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file


def parser(description: str) -> argparse.ArgumentParser:
    """Returns a parser with the options of both checks."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--tolerance", type=float, default=1e-4, help="largest difference over largest logit (default 1e-4)")
    return found


def read_ids(path: Path) -> list[torch.Tensor]:
    """Returns the sequences `[1, tokens]` of a JSON list of lists of ids."""
    return [torch.tensor([sequence]) for sequence in json.loads(path.read_text())]


def read_logits(path: Path, n_sequences: int) -> list[torch.Tensor]:
    """Returns the logits `[1, tokens, vocabulary]` of each sequence.

    The file holds `logits` `[sequences, tokens, vocabulary]`, or `logits.0`, `logits.1`, … where the lengths differ.
    """
    tensors = load_file(path)
    if "logits" in tensors:
        return [row.unsqueeze(0) for row in tensors["logits"]]
    return [tensors[f"logits.{i}"].reshape(1, *tensors[f"logits.{i}"].shape[-2:]) for i in range(n_sequences)]


def compare(model, ids: list[torch.Tensor], logits: list[torch.Tensor]) -> tuple[float, list[str]]:
    """Returns the largest deviation of all sequences, and what cannot be compared at all."""
    if len(ids) != len(logits):
        return float("inf"), [f"{len(ids)} sequences of ids, {len(logits)} of logits"]
    worst, problems = 0.0, []
    for i, (sequence, ours) in enumerate(zip(ids, logits)):
        with torch.no_grad():
            theirs = model(input_ids=sequence).logits.float()
        if theirs.shape != ours.shape:
            problems.append(f"sequence {i}: logits {list(ours.shape)}, expected {list(theirs.shape)}")
            continue
        deviation = ((ours.float() - theirs).abs().max() / theirs.abs().max()).item()
        if deviation != deviation:
            problems.append(f"sequence {i}: not a number among the logits")
            continue
        worst = max(worst, deviation)
    return worst, problems


def conclude(what: str, deviation: float, tolerance: float, problems: list[str]) -> None:
    """Prints the verdict and ends the program: 0 if all is well, else 1."""
    if deviation > tolerance:
        problems = [*problems, f"logits deviate by {deviation:.2e}, more than {tolerance:.2e}"]
    for problem in problems:
        print(f"{what}: {problem}", file=sys.stderr)
    print(f"FAILED {what}" if problems else f"ok {what}: logits deviate by {deviation:.2e}, at most {tolerance:.2e} is allowed")
    sys.exit(1 if problems else 0)
