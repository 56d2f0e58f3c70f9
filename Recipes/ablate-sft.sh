#!/usr/bin/env bash
# What demonstrations should look like: the same model trained on the same number of tokens of each kind.
#   Recipes/ablate-sft.sh PASSING.jsonl HELD.jsonl [RUN] [TOKENS]
# PASSING and HELD as in sft.sh. A kind takes some ten minutes of a core for 40,000
# tokens; run again, it goes on where it was.
set -euo pipefail
passing=$1 held=$2 run=${3:-runs/ablation} tokens=${4:-80000}
mkdir -p "$run"

# NAME CORRUPTIONS RECOVERY STATE
arm() {
  coe data synthesize --from "$passing" --from starter --without mbpp --without humanevalfix --without quixbugs \
    --count 1200 --max-faults 2 --corruptions "$2" --recovery "$3" --state "$4" --seed 1 --out "$run/$1.jsonl"
  coe data synthesize --from "$held" --count 60 --max-faults 2 --corruptions mixed --state "$4" --seed 3 \
    --out "$run/$1-held.jsonl"
  coe sft --data "$run/$1.jsonl" --validation "$run/$1-held.jsonl" --model smollm2-135m --max-length 600 \
    --max-tokens "$tokens" --batch 8 --learning-rate 1e-3 --precision bfloat16 --validate-every 1000 \
    --validation-count 60 --validation-episodes 0 --out "$run/$1" --resume
  coe data export "$run/$1-held.jsonl" --to repair --out "$run/$1-tasks.jsonl"
  coe eval --set "$run/$1-tasks.jsonl" --model smollm2-135m --adapter "$run/$1/adapter" --constrained --out "$run/$1-eval"
}
arm mixed mixed 0.15 brief
arm paper paper 0 brief
arm no-recovery mixed 0 brief
arm whole-state mixed 0.15 compact
arm plain mixed 0.15 plain
coe eval --set "$run/mixed-tasks.jsonl" --model smollm2-135m --adapter "$run/mixed/adapter" --out "$run/mixed-free-eval"
