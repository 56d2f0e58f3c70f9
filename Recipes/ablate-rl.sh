#!/usr/bin/env bash
# What of GRPO pays: SmolLM2-135M from an adapter of SFT, on programs with one fault in episodes of two turns, by both
# presets and by `best` without one of its parts, at some 1,600 episodes each; measured on single faults of programs
# that no training saw. The bundled adapter is that of `best`, from the one that commit 31b978d holds.
#   Recipes/ablate-rl.sh PASSING.jsonl FUNCTIONS.jsonl HELD.jsonl ADAPTER [RUN]
# Files as in rl.sh. A run takes some 15 minutes of one core; run again, it goes on where it was.
set -euo pipefail
passing=$1 functions=$2 held=$3 adapter=$4 run=${5:-runs/ablation-rl} model=smollm2-135m
mkdir -p "$run"
coe data synthesize --from "$functions" --from "$passing" --without mbpp --without humanevalfix --without quixbugs \
  --without debugbench --count 3000 --max-faults 1 --seed 92 --out "$run/starts.jsonl"
coe data synthesize --from "$held" --count 400 --max-faults 1 --seed 33 --out "$run/held.jsonl"

measure() {  # NAME ADAPTER
  local options=(--set "$run/held.jsonl" --model "$model" --adapter "$2" --resamples 0 --turns 2)
  coe eval "${options[@]}" --samples 2 --temperature 1 --seed 5 --out "$run/$1-sampled"
  coe eval "${options[@]}" --out "$run/$1-greedy"
}
train() {  # NAME STEPS OPTION…
  coe rl --data "$run/starts.jsonl" --validation "$run/held.jsonl" --validation-count 40 --model "$model" \
    --adapter "$adapter" --turns 2 --max-tokens 48 --max-characters 300 --learning-rate 2e-4 --precision int8 \
    --resamples 0 --steps "$2" --seed 1 --out "$run/$1" --resume "${@:3}"
  # What was learned last; the finished adapter is the best by validation, which may be the one it began with.
  measure "$1" "$run/$1/checkpoints/step-$2"
}
measure before "$adapter"
train best 30 --preset best --starts 6     # eight episodes each, and other groups in place of those without a difference
train paper 33 --preset paper --starts 12  # four each
train no-progress 30 --starts 6 --progress 0
train no-imitation 30 --starts 6 --imitation 0
train no-choice 33 --starts 6 --dynamic-sampling 1 --no-by-pass-rate
train turn-baseline 30 --starts 6 --baseline turn --deviation group
coe report "$run"/*-sampled "$run"/best "$run"/paper -o "$run/report.html"
