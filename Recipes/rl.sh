#!/usr/bin/env bash
# GRPO from the bundled adapter of SmolLM2-135M: both presets on the same number of episodes, measured before and after.
#   Recipes/rl.sh TASKS.jsonl HELD.jsonl [RUN] [STEPS]
# TASKS and HELD are faulty programs in the repair format (`coe data export DEMOS --to repair`), of MBPP tasks 601 to 974
# and 511 to 600. A step learns from 32 episodes and takes two to four minutes on one core. Run again, it goes on where it was.
set -euo pipefail
tasks=$1 held=$2 run=${3:-runs/rl} steps=${4:-14}
mkdir -p "$run"

measure() {  # NAME ADAPTER
  coe eval --set "$held" --model smollm2-135m --adapter "$2" --constrained --sample 60 --seed 1 --out "$run/$1-greedy"
  coe eval --set "$held" --model smollm2-135m --adapter "$2" --constrained --sample 60 --seed 1 --samples 2 \
    --temperature 1 --turns 4 --out "$run/$1-sampled"
}
train() {  # PRESET GROUPS
  coe rl --preset "$1" --groups "$2" --data "$tasks" --validation "$held" --validation-count 48 --validate-every 12 \
    --max-turns 4 --max-tokens 48 --max-characters 300 --constrained --learning-rate 1e-4 --steps "$steps" --seed 1 \
    --out "$run/$1" --resume
  # What was learned last; the finished adapter is the best by validation, which may be the one it began with.
  measure "$1" "$run/$1/checkpoints/step-$steps"
}
measure before Adapters/smollm2-135m
train best 4   # eight episodes each
train paper 8  # four each
coe report "$run/best" "$run/paper" "$run/before-sampled" "$run/best-sampled" "$run/paper-sampled" -o "$run/report.html"
