#!/usr/bin/env bash
# GRPO from an adapter of Qwen2.5-Coder-0.5B, on programs with one to three faults and on LLM-written failures, measured
# before and after. The bundled adapter was made so, from the one that commit 31b978d holds; its card says what was measured.
#   Recipes/rl.sh PASSING.jsonl FUNCTIONS.jsonl FAILURES.jsonl HELD.jsonl ADAPTER [RUN] [STEPS]
# PASSING and HELD as in sft.sh; FUNCTIONS of scripts/harvest-tasks.py: many different programs matter, on those of the
# SFT alone nothing was gained (LOG.md). FAILURES are LLM-written failures of MBPP train tasks, of which those are
# taken that have one of PASSING near them. A step plays 48 episodes or some more and takes 95 seconds on one core. Run
# again, it goes on where it was, with a larger STEPS beyond its end.
set -euo pipefail
passing=$1 functions=$2 failures=$3 held=$4 adapter=$5 run=${6:-runs/rl} steps=${7:-20}
model=qwen2.5-coder-0.5b
without=(--without mbpp --without humanevalfix --without quixbugs --without debugbench)
mkdir -p "$run"
coe data synthesize --from "$functions" --from "$passing" "${without[@]}" --count 3000 --max-faults 3 \
  --seed 93 --out "$run/starts.jsonl"
coe data synthesize --pairs --from "$failures" --nearest "$passing" --within 70 "${without[@]}" --count 1000 --seed 94 \
  --out "$run/failures.jsonl"
coe data synthesize --from "$held" --count 60 --max-faults 3 --seed 34 --out "$run/validation.jsonl"
coe data synthesize --from "$held" --count 400 --max-faults 3 --seed 3 --out "$run/held.jsonl"

coe rl --recipe "$(dirname "$0")/rl.yaml" --data "$run/starts.jsonl" --data "$run/failures.jsonl" \
  --validation "$run/validation.jsonl" --adapter "$adapter" --steps "$steps" --out "$run/rl" --resume

measure() {  # NAME ADAPTER
  coe eval --set "$run/held.jsonl" --model "$model" --adapter "$2" --subset 160 --seed 1 --out "$run/$1-eval"
}
measure before "$adapter"
# The finished adapter is the best by validation, which 30 tasks may miss: measured is what was learned last.
measure after "$run/rl/checkpoints/step-$steps"
coe report "$run/rl" "$run/before-eval" "$run/after-eval" -o "$run/report.html"
