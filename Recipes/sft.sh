#!/usr/bin/env bash
# An adapter by SFT: demonstrations from correct programs for MBPP train tasks, LoRA, evaluation. The bundled ones were
# made so, with demonstrations from LLM-written failures beside them (their cards say how).
#   Recipes/sft.sh smollm2-135m|qwen2.5-coder-0.5b PASSING.jsonl HELD.jsonl [RUN]
# PASSING holds correct programs in the repair format (`reference` and `tests`) for MBPP tasks 601 to 974, HELD the same
# for tasks 511 to 600. `coe data fetch mbpp` gives the reference programs of MBPP itself: write `--from mbpp` then.
# Two cores, no GPU: one to two hours. Run again, it goes on where it was.
set -euo pipefail
model=$1 passing=$2 held=$3 run=${4:-runs/$1}
case $model in
smollm2-135m) tokens=1600000 rate=1e-3 ;;
qwen2.5-coder-0.5b) tokens=520000 rate=5e-4 ;;
*) echo "$0: no recipe for $model; there is one for smollm2-135m and qwen2.5-coder-0.5b" >&2; exit 64 ;;
esac
mkdir -p "$run"

coe data synthesize --from "$passing" --from starter --without mbpp --without humanevalfix --without quixbugs \
  --count 16000 --max-faults 3 --recovery 0.15 --seed 1 --out "$run/train.jsonl"
coe data synthesize --from "$held" --count 400 --max-faults 3 --seed 3 --out "$run/held.jsonl"

coe sft --recipe "$(dirname "$0")/sft.yaml" --data "$run/train.jsonl" --validation "$run/held.jsonl" --model "$model" \
  --train-tokens "$tokens" --learning-rate "$rate" --out "$run/sft" --resume

coe eval --set "$run/held.jsonl" --model "$model" --adapter "$run/sft/adapter" --subset 60 --seed 1 --out "$run/eval"
coe report "$run/sft" "$run/eval" -o "$run/report.html"
