#!/usr/bin/env bash
# An adapter for SmolLM2-135M: demonstrations from correct programs for MBPP train tasks, LoRA SFT, evaluation. The bundled
# one was made so, with demonstrations from LLM-written failures beside them and in two runs (its card says how).
#   Recipes/sft-smollm2.sh PASSING.jsonl HELD.jsonl [RUN]
# PASSING holds correct programs in the repair format (`reference` and `tests`) for MBPP tasks 601 to 974, HELD the same
# for tasks 511 to 600. `coe data fetch mbpp` gives the reference programs of MBPP itself: write `--from mbpp` then.
# Two cores, no GPU: about two hours. Run again, it goes on where it was.
set -euo pipefail
passing=$1 held=$2 run=${3:-runs/smollm2}
mkdir -p "$run"

coe data synthesize --from "$passing" --from starter --without mbpp --without humanevalfix --without quixbugs \
  --count 16000 --max-faults 3 --recovery 0.15 --state brief --seed 1 --out "$run/train.jsonl"
coe data synthesize --from "$held" --count 400 --max-faults 3 --state brief --seed 3 --out "$run/held.jsonl"

# Short demonstrations first: half the tokens of a long one go to its program, which is not learned.
coe sft --data "$run/train.jsonl" --validation "$run/held.jsonl" --model smollm2-135m --max-length 330 \
  --max-tokens 1600000 --batch 8 --learning-rate 1e-3 --precision bfloat16 --validate-every 200 --out "$run/sft" --resume

coe data export "$run/held.jsonl" --to repair --out "$run/held-tasks.jsonl"
coe eval --set "$run/held-tasks.jsonl" --method coe --model smollm2-135m --adapter "$run/sft/adapter" \
  --constrained --sample 100 --seed 1 --out "$run/eval"
coe report "$run/sft" "$run/eval" -o "$run/report.html"
