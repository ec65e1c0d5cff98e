#!/usr/bin/env bash
# Trains an adapter beside each golden model, merges it, and lets PEFT and transformers compute what crossic computes.
# Usage: trainer/tests/peft/run.sh PYTHON   (a Python with the packages of trainer/tests/golden/README.md)
set -euo pipefail

python="$1"
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
for name in llama qwen2; do
  base="trainer/tests/golden/$name"
  out="$scratch/$name"
  cargo run --quiet --package crossic-trainer --example for_peft -- "$base" "$out"
  "$python" trainer/tests/peft/check_adapter.py "$out/run/adapter" "$base" "$out/ids.json" \
    "$out/adapter.safetensors" --vocabulary 201
  "$python" trainer/tests/peft/check_merged.py "$out/merged" "$out/ids.json" \
    "$out/merged.safetensors" --token '[SPLIT]'
done
