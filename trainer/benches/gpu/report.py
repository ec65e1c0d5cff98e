#!/usr/bin/env python3
"""Puts together what the parts of `run.sh` wrote.

`report.py collect OUT PART CODE SECONDS` adds the lines of a part to OUT/results.jsonl;
`report.py write OUT` makes OUT/report.md of them.
"""

import json
import sys
from pathlib import Path

GIB = 1024**3


def collect(out: Path, part: str, code: int, seconds: int) -> None:
    """Adds the results of a part, and one line about the part itself."""
    memory = out / f"{part}.memory"
    most = int(memory.read_text()) if memory.exists() and memory.read_text().strip() else None
    printed = out / f"{part}.out"
    lines = printed.read_text().splitlines() if printed.exists() else []
    with (out / "results.jsonl").open("a") as results:
        for line in lines:
            try:
                values = json.loads(line)
            except ValueError:
                # The last line of a part that was stopped may be cut.
                continue
            results.write(json.dumps({"part": part, **values}) + "\n")
        end = {"part": part, "exit_code": code, "seconds": seconds, "most_gpu_mib": most}
        results.write(json.dumps(end) + "\n")


def table(names: list[str], rows: list[list]) -> list[str]:
    """Returns the lines of a table; text to the left, numbers to the right."""
    if not rows:
        return ["None.", ""]
    sides = ["---" if isinstance(value, str) else "---:" for value in rows[0]]
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join(sides)}|"]
    for row in rows:
        cells = [f"{value:,.4g}" if isinstance(value, float) and value < 100 else
                 f"{value:,.0f}" if isinstance(value, float) else "" if value is None else str(value)
                 for value in row]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def name_of(model: str) -> str:
    """Returns the name of a model from the path of its directory or configuration."""
    path = Path(model)
    return path.parent.name if path.suffix == ".json" else path.name


def write(out: Path) -> None:
    """Writes the report."""
    path = out / "results.jsonl"
    results = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    ends = {it["part"]: it for it in results if "exit_code" in it}
    lines = ["# Training on a GPU", "", "```text", (out / "machine.txt").read_text().strip(), "```", ""]

    lines += ["## Operations beside the CPU", ""]
    checks = [it for it in results if "close" in it]
    far = [it for it in checks if not it["close"]]
    lines += [f"{len(checks) - len(far)} of {len(checks)} results agree.", ""]
    chosen = far or sorted(checks, key=lambda it: -(it["worst"] or 0.0))[:5]
    rows = [[it["dtype"], it["result"], it["worst"], it["tolerance"]] for it in chosen]
    lines += table(["numbers", "result" if far else "result (those furthest off)", "difference", "allowed"], rows)

    lines += ["## Steps", "", "Memory of the whole process, as `nvidia-smi` shows it; of a part's runs, the largest.", ""]
    rows = []
    for it in results:
        most = ends.get(it["part"], {}).get("most_gpu_mib")
        gib = most / 1024 if most is not None else None
        if "kept_blocks" in it:
            who = f"crossic, {it['kept_blocks']} of {it['blocks']} blocks kept"
            reserved = it["reserved_bytes"] / GIB if it["reserved_bytes"] else None
            rows.append([name_of(it["model"]), who, it["micro"], it["tokens_per_second"], reserved, gib,
                         it["first_pass_seconds"], it["loss"]])
        elif "peer" in it:
            who = f"{it['peer']}, checkpointing {it['checkpointing']}"
            held = it["peak_gpu_mib"] / 1024 if it["peak_gpu_mib"] else None
            rows.append([name_of(it["model"]), who, it["micro_batch"], it["tokens_per_second"], held, gib, None,
                         it["last_loss"]])
    names = ["model", "who", "micro-batch", "tokens/s", "GiB held", "GiB in all", "first pass, s", "loss"]
    lines += table(names, rows)

    for part in dict.fromkeys(it["part"] for it in results if "stage" in it):
        lines += [f"## Stages: {part}", ""]
        stages = [it for it in results if it["part"] == part and "stage" in it]
        stages.sort(key=lambda it: -it["share"])
        rows = [[it["stage"], it["calls"], it["milliseconds"], 100.0 * it["share"]] for it in stages]
        lines += table(["stage", "calls a window", "ms a call", "% of all"], rows)

    lines += ["## Parts", ""]
    lines += table(["part", "seconds", "exit code"], [[it["part"], it["seconds"], it["exit_code"]] for it in ends.values()])
    (out / "report.md").write_text("\n".join(lines))


def main() -> int:
    match sys.argv[1:]:
        case ["collect", out, part, code, seconds]:
            collect(Path(out), part, int(code), int(seconds))
        case ["write", out]:
            write(Path(out))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
