#!/usr/bin/env bash
# What demonstrations should look like: SmolLM2-135M trained on the same number of tokens of each kind, with one fault in a
# short program so that something is learned from so few, and measured on mixed single faults in programs that no
# training saw, in two turns and under the mask alone.
#   Recipes/ablate-sft.sh PASSING.jsonl FUNCTIONS.jsonl HELD.jsonl [RUN] [TOKENS]
# Files as in rl.sh. A kind takes some 15 minutes of one core; run again, it goes on where it was.
set -euo pipefail
passing=$1 functions=$2 held=$3 run=${4:-runs/ablation-sft} tokens=${5:-160000} model=smollm2-135m
mkdir -p "$run"

measure() {  # NAME ADAPTER TASKS OPTION…
  coe eval --set "$3" --model "$model" --adapter "$2" --resamples 0 --turns 2 \
    --concurrency 60 --out "$run/$1-eval" "${@:4}"
}
arm() {  # NAME CORRUPTIONS RECOVERY PROMPT
  coe data synthesize --from "$functions" --from "$passing" --without mbpp --without humanevalfix --without quixbugs \
    --without debugbench --count 2000 --max-faults 1 --corruptions "$2" --recovery "$3" --prompt "$4" --seed 1 \
    --out "$run/$1.jsonl"
  # The same faults for all, in the form that the arm learns.
  coe data synthesize --from "$held" --count 400 --max-faults 1 --corruptions mixed --prompt "$4" --seed 3 \
    --out "$run/$1-held.jsonl"
  coe sft --data "$run/$1.jsonl" --validation "$run/$1-held.jsonl" --model "$model" --max-length 600 \
    --train-tokens "$tokens" --batch 4 --learning-rate 1e-3 --precision int8 --validate-every 1000 \
    --validation-count 200 --validation-episodes 0 --seed 1 --out "$run/$1" --resume
  measure "$1" "$run/$1/adapter" "$run/$1-held.jsonl"
}
arm mixed mixed 0.15 brief
arm paper paper 0 brief
arm no-recovery mixed 0 brief
arm whole-state mixed 0.15 compact
arm plain mixed 0.15 plain
measure mixed-free "$run/mixed/adapter" "$run/mixed-held.jsonl" --unconstrained
coe report "$run"/*-eval -o "$run/report.html"
