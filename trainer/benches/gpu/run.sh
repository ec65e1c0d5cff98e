#!/usr/bin/env bash
# Everything that can only be measured on an NVIDIA GPU, in one go of less than ten minutes:
#
#   1. every operation of the trainer on the GPU beside the CPU, in 32 and in 16 bits;
#   2. training steps of models of the shapes of Qwen2.5-1.5B and Llama-3.1-8B (random weights, LoRA 64, windows of 4096
#      tokens), all blocks and none keeping their activations: tokens per second, memory, share of time by stage;
#   3. the same steps by transformers and peft, checkpointing off and on.
#
# Usage: trainer/benches/gpu/run.sh [--only PATTERN] [BINARY | BINARY.xz] [OUT]
#
# OUT (target/gpu/report) gets report.md, results.jsonl, and a log of every part. Parts have deadlines: one that hangs
# costs its own result only. DEVICE=cpu MODELS=check TOKENS=64 tries the script itself where there is no GPU.
#
# The machine needs a driver, the CUDA toolkit (NVRTC and headers; CUDA_PATH where it is not /usr/local/cuda) and Python 3;
# PYTHON names one with torch, transformers and peft for the third part, which is left out without them. It does not
# need Rust if it is given the binary. That is large, so pack it where it was built:
#
#   cargo build --release -p crossic-trainer --features cuda --bench step
#   mkdir -p target/gpu
#   cp "$(ls -t target/release/deps/step-* | grep -v '\.d$' | head -n 1)" target/gpu/step
#   strip target/gpu/step && xz -T0 -3 --force target/gpu/step
#
# `target` is ignored by git: carry target/gpu/step.xz along with the checkout, and run
#
#   trainer/benches/gpu/run.sh target/gpu/step.xz
set -euo pipefail
IFS=$'\n\t'

only='.'
if [[ "${1:-}" == --only ]]; then
  only="$2"
  shift 2
fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
binary="${1:-}"
out="${2:-$root/target/gpu/report}"
device="${DEVICE:-cuda}"
python="${PYTHON:-python3}"
tokens="${TOKENS:-4096}"
windows="${WINDOWS:-8}"
IFS=' ' read -r -a models <<<"${MODELS:-qwen2.5-1.5b llama-3.1-8b}"
# Seconds for everything; SECONDS counts from the start of this script.
deadline="${DEADLINE:-560}"

mkdir -p "$out"
rm -f "$out"/*.log "$out"/*.memory "$out/results.jsonl" "$out/report.md"

if [[ -z "$binary" ]]; then
  (cd "$root" && cargo build --release -p crossic-trainer --features cuda --bench step)
  target="${CARGO_TARGET_DIR:-$root/target}"
  binary="$(find "$target/release/deps" -name 'step-*' -type f -perm -u+x -printf '%T@ %p\n' | sort -rn | head -n 1 | cut -d ' ' -f 2-)"
fi
if [[ "$binary" == *.xz ]]; then
  # Python unpacks where there is no xz.
  python3 - "$binary" "$out/step" <<'PY'
import lzma, shutil, sys
with lzma.open(sys.argv[1]) as packed, open(sys.argv[2], "wb") as plain:
    shutil.copyfileobj(packed, plain)
PY
  binary="$out/step"
  chmod +x "$binary"
fi

# Writes the largest amount of GPU memory in use, in MiB, until it is killed.
watch_memory() {
  local most=0 now
  while sleep 0.3; do
    now="$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --id=0 2>/dev/null || echo 0)"
    if ((most < now)); then
      most="$now"
      echo "$most" >"$1"
    fi
  done
}

# part NAME SECONDS COMMAND...: runs a command whose output is one JSON object a line.
part() {
  local name="$1" limit="$2" left=$((deadline - SECONDS)) start=$SECONDS code=0 watcher=''
  shift 2
  [[ "$name" =~ $only ]] || return 0
  if ((left < 20)); then
    echo "$name: no time left" | tee "$out/$name.log" >&2
    return 0
  fi
  ((limit < left)) || limit="$left"
  if [[ "$device" != cpu ]] && command -v nvidia-smi >/dev/null; then
    watch_memory "$out/$name.memory" &
    watcher=$!
  fi
  timeout --kill-after=5 "$limit" "$@" >"$out/$name.out" 2>"$out/$name.log" || code=$?
  if [[ -n "$watcher" ]]; then
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
  fi
  python3 "$here/report.py" collect "$out" "$name" "$code" "$((SECONDS - start))"
  printf '%-28s %4d s, exit code %d\n' "$name" "$((SECONDS - start))" "$code" >&2
  if ((code != 0)); then
    tail -n 3 "$out/$name.log" >&2
  fi
}

peers() {
  local model="$1" checkpointing="$2" on=cuda dtype=bfloat16
  [[ "$device" != cpu ]] || { on=cpu dtype=float32; }
  part "peers-$model-checkpointing-$checkpointing" 90 "$python" "$here/../peers/train_peer.py" \
    --model "$here/$model/config.json" --device "$on" --dtype "$dtype" --tokens "$tokens" \
    --windows "$windows" --rank 64 --checkpointing "$checkpointing"
}

{
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv 2>/dev/null || echo 'no nvidia-smi'
  uname -sr
  "$python" -c 'import torch, transformers, peft; print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)' 2>&1 | tail -n 1
} >"$out/machine.txt" 2>&1 || true

part check-f32 100 "$binary" --check --model "$here/check" --device "$device" --dtype f32
part check-bf16 100 "$binary" --check --model "$here/check" --device "$device" --dtype bf16
for model in "${models[@]}"; do
  part "steps-$model" 170 "$binary" --stages --model "$here/$model" --device "$device" --dtype bf16 \
    --tokens "$tokens" --windows "$windows" --rank 64 --loss-chunk 1024 --keep auto,all,0
  if "$python" -c 'import torch, transformers, peft' 2>/dev/null; then
    peers "$model" off
    peers "$model" on
  fi
done
# Larger micro-batches and chunks, if there is time: which settings are worth their memory.
for model in "${models[@]}"; do
  part "steps-of-four-$model" 90 "$binary" --model "$here/$model" --device "$device" --dtype bf16 \
    --tokens "$tokens" --windows "$windows" --micro 4 --rank 64 --loss-chunk 2048 --keep all
done

python3 "$here/report.py" write "$out"
cat "$out/report.md"
