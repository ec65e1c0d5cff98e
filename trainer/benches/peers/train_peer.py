#!/usr/bin/env python3
"""Measures how fast transformers and peft train a LoRA adapter, beside the trainer of crossic.

A Llama model with random weights (`tiny`, `small`, or any `config.json`) takes optimizer steps on windows
of random ids. One JSON object a run goes to stdout: tokens per second (middle and best of the steps that
count), peak memory, and what was run. Each run is a process of its own, so that peak memory is its own.

Usage: train_peer.py --model tiny|small|CONFIG.json [--windows 8] [--tokens 1024] [--threads 2]
           [--checkpointing off|on|both] [--device cpu|cuda] [--dtype float32|bfloat16] ...
(needs torch, transformers, peft; no network; `--windows` counts the measured steps)
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

HERE = Path(__file__).resolve().parent
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
MIB = 1024 * 1024


def read_arguments() -> argparse.Namespace:
    """Returns what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny", help="tiny, small, or the path of a config.json")
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--windows", type=int, default=8, help="optimizer steps that are measured")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before them that are not")
    parser.add_argument("--tokens", type=int, default=1024, help="tokens a window")
    parser.add_argument("--micro-batch", type=int, default=1, help="windows a forward pass")
    parser.add_argument("--accumulate", type=int, default=1, help="forward passes an optimizer step")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--alpha", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--checkpointing", choices=("off", "on", "both"), default="both")
    parser.add_argument("--optimizer", choices=("foreach", "fused"), default="fused", help="implementation of AdamW")
    return parser.parse_args()


def run_both() -> int:
    """Runs this script once without and once with gradient checkpointing."""
    arguments, codes = sys.argv[1:], []
    for value in ("off", "on"):
        # The last of two equal options holds.
        codes.append(subprocess.run([sys.executable, __file__, *arguments, f"--checkpointing={value}"]).returncode)
    return max(codes, key=abs)


def processor_seconds() -> float:
    """Returns the seconds that all threads of this process have computed."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_memory() -> int:
    """Returns the most bytes of memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def make_model(arguments):
    """Returns the model, ready to be trained, and the number of its weights."""
    import peft
    import torch
    import transformers

    names = {"tiny": HERE / "tiny.json", "small": HERE / "small.json"}
    values = json.loads(Path(names.get(arguments.model, arguments.model)).read_text())
    config = transformers.AutoConfig.for_model(**values)
    torch.manual_seed(0)
    dtype = getattr(torch, arguments.dtype)
    with torch.device(arguments.device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=arguments.attention)
    model.config.use_cache = False
    n_weights = sum(weight.numel() for weight in model.parameters())
    if arguments.checkpointing == "on":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if arguments.method == "lora":
        adapter = peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=arguments.rank,
            lora_alpha=arguments.alpha,
            lora_dropout=arguments.dropout,
            target_modules=list(LINEARS),
        )
        model = peft.get_peft_model(model, adapter)
    return model.to(arguments.device).train(), n_weights


def train(arguments, model) -> tuple[list[float], list[float], list[float]]:
    """Takes all steps; returns seconds and processor seconds of those that count, and the loss of all."""
    import torch

    weights = [weight for weight in model.parameters() if weight.requires_grad]
    choice = {arguments.optimizer: True}
    optimizer = torch.optim.AdamW(weights, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **choice)
    generator = torch.Generator().manual_seed(1)
    mixed = arguments.dtype == "bfloat16"
    seconds, computed, losses = [], [], []
    shape = (arguments.accumulate, arguments.micro_batch, arguments.tokens)
    for _ in range(arguments.warm_up + arguments.windows):
        ids = torch.randint(model.config.vocab_size, shape, generator=generator)
        started, computed_before = time.perf_counter(), processor_seconds()
        total = 0.0
        for part in ids.to(arguments.device):
            # LoRA's weights are float32 beside a bfloat16 base, as in transformers' Trainer with bf16.
            with torch.autocast(arguments.device, torch.bfloat16, enabled=mixed):
                loss = model(input_ids=part, labels=part).loss / arguments.accumulate
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if arguments.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
        computed.append(processor_seconds() - computed_before)
        losses.append(total)
    return seconds[arguments.warm_up :], computed[arguments.warm_up :], losses


def measure(arguments) -> dict:
    """Returns the result of one run."""
    import peft
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    after_import = peak_memory()
    model, n_weights = make_model(arguments)
    seconds, computed, losses = train(arguments, model)
    n_tokens = arguments.tokens * arguments.micro_batch * arguments.accumulate
    on_gpu = arguments.device == "cuda"
    return {
        "peer": "transformers+peft",
        "versions": {module.__name__: module.__version__ for module in (torch, transformers, peft)},
        "device": torch.cuda.get_device_name() if on_gpu else f"cpu, {torch.backends.cpu.get_cpu_capability()}",
        **{key: value for key, value in vars(arguments).items() if key != "device"},
        "weights": n_weights,
        "trainable": sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        "tokens_per_step": n_tokens,
        "tokens_per_second": round(n_tokens / statistics.median(seconds), 1),
        "tokens_per_second_best": round(n_tokens / min(seconds), 1),
        "step_seconds": [round(value, 4) for value in seconds],
        "processor_seconds": [round(value, 4) for value in computed],
        "load_average": round(os.getloadavg()[0], 1),
        "peak_rss_mib": round(peak_memory() / MIB, 1),
        "peak_rss_after_import_mib": round(after_import / MIB, 1),
        "peak_gpu_mib": round(torch.cuda.max_memory_allocated() / MIB, 1) if on_gpu else None,
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
    }


def main() -> int:
    arguments = read_arguments()
    if arguments.checkpointing == "both":
        return run_both()
    print(json.dumps(measure(arguments)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
