#!/usr/bin/env bash
# GRPO from the bundled adapter of SmolLM2-135M: both presets, measured before and after.
#   Recipes/rl.sh TASKS.jsonl HELD.jsonl [RUN] [STEPS]
# TASKS and HELD are faulty programs in the repair format (`coe data export DEMOS --to repair`), of MBPP tasks 601 to 974
# and 511 to 600. A step plays some 45 episodes and takes half a minute on two cores (`paper`: a minute). Run again, it
# goes on where it was, with a larger STEPS beyond its end.
set -euo pipefail
tasks=$1 held=$2 run=${3:-runs/rl} steps=${4:-64}
mkdir -p "$run"

measure() {  # NAME ADAPTER
  coe eval --set "$held" --model smollm2-135m --adapter "$2" --constrained --sample 100 --seed 5 --samples 4 \
    --temperature 1 --turns 4 --out "$run/$1-sampled"
}
train() {  # PRESET GROUPS
  coe rl --preset "$1" --groups "$2" --data "$tasks" --validation "$held" --validation-count 100 --validate-every 8 \
    --max-turns 4 --max-tokens 48 --max-characters 300 --constrained --learning-rate 3e-4 --precision bfloat16 \
    --rollout-precision int8 --steps "$steps" --seed 1 --out "$run/$1" --resume
  # What was learned last; the finished adapter is the best by validation, which may be the one it began with.
  measure "$1-$steps" "$run/$1/checkpoints/step-$steps"
}
measure before Adapters/smollm2-135m
train best 4    # eight episodes each, and others in place of groups without a difference
train paper 12  # four each
coe report "$run/best" "$run/paper" "$run/before-sampled" "$run/best-$steps-sampled" "$run/paper-$steps-sampled" \
  -o "$run/report.html"
