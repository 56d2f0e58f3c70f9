#!/usr/bin/env bash
# The table of the README: each model's direct answer, and the same model with the editor, with and without its adapter.
#   Recipes/evaluate.sh HELD.jsonl SETS [RUN]
# HELD as in rl.sh; SETS is a folder with mbpp-llm-test-500.jsonl, quixbugs.jsonl and humanevalfix.jsonl in the repair
# format. Fixed random subsets of 60 tasks (`--subset`), greedy. A cell takes one to six minutes on two cores,
# of four samples some ten.
set -euo pipefail
held=$1 sets=$2 run=${3:-runs/table}

cell() {  # NAME MODEL SET OPTION…
  local set
  set=$(basename "$3" .jsonl)
  coe eval --set "$3" --model "$2" --subset 60 --seed 1 --concurrency 60 \
    --out "$run/$2-$set-$1" "${@:4}"
}
for model in smollm2-135m qwen2.5-coder-0.5b; do
  for set in "$held" "$sets"/{mbpp-llm-test-500,quixbugs,humanevalfix}.jsonl; do
    cell direct "$model" "$set" --method direct --max-tokens 384
    cell sft "$model" "$set"
    cell sampled "$model" "$set" --samples 4 --temperature 0.7  # pass@4
    cell untrained "$model" "$set" --adapter none
  done
  cell think "$model" "$held" --method think --max-tokens 512
  cell resample "$model" "$held" --method resample --temperature 0.7 --max-tokens 384 \
    --budget "$run/$model-$(basename "$held" .jsonl)-sft"
  cell free "$model" "$held" --unconstrained
done
