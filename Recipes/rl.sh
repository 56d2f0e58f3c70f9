#!/usr/bin/env bash
# GRPO from an adapter of SmolLM2-135M by SFT, on programs with one fault: both presets at equal episodes, measured
# before and after on single faults of programs that no training saw.
#   Recipes/rl.sh PASSING.jsonl FUNCTIONS.jsonl HELD.jsonl ADAPTER [RUN] [STEPS]
# PASSING and HELD as in sft.sh; FUNCTIONS of scripts/harvest-tasks.py: many different programs matter, on those of the
# SFT alone nothing was gained (LOG.md). A step plays 48 short episodes and takes 40 seconds on one core. Run again, it
# goes on where it was, with a larger STEPS beyond its end.
set -euo pipefail
passing=$1 functions=$2 held=$3 adapter=$4 run=${5:-runs/rl} steps=${6:-65}
mkdir -p "$run"
coe data synthesize --from "$functions" --from "$passing" --without mbpp --without humanevalfix --without quixbugs \
  --count 3000 --max-faults 1 --state brief --seed 92 --out "$run/starts.jsonl"
coe data synthesize --from "$held" --count 400 --max-faults 1 --state brief --seed 33 --out "$run/held.jsonl"
for file in starts held; do coe data export "$run/$file.jsonl" --to repair --out "$run/$file-tasks.jsonl"; done

measure() {  # NAME ADAPTER
  coe eval --set "$run/held-tasks.jsonl" --model smollm2-135m --adapter "$2" --constrained --samples 2 \
    --temperature 1 --turns 2 --seed 5 --concurrency 64 --out "$run/$1-sampled"
}
train() {  # PRESET GROUPS
  coe rl --preset "$1" --groups "$2" --data "$run/starts-tasks.jsonl" --validation "$run/held-tasks.jsonl" \
    --validation-count 40 --validate-every 1000 --model smollm2-135m --adapter "$adapter" --max-turns 2 \
    --max-tokens 48 --max-characters 300 --constrained --learning-rate 2e-4 --precision int8 \
    --rollout-precision int8 --steps "$steps" --seed 1 --out "$run/$1" --resume
  # What was learned last; the finished adapter is the best by validation, which may be the one it began with.
  measure "$1-$steps" "$run/$1/checkpoints/step-$steps"
}
measure before "$adapter"
train best 6    # eight episodes each, and others in place of groups without a difference
train paper 12  # four each
coe report "$run/best" "$run/paper" "$run/before-sampled" "$run/best-$steps-sampled" "$run/paper-$steps-sampled" \
  -o "$run/report.html"
