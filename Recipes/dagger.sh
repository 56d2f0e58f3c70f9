#!/usr/bin/env bash
# A further round for an adapter, on its own mistakes (DAgger): it plays faulty programs that it has not seen, and learns
# the way out of where it went wrong, among demonstrations of the same programs.
#   Recipes/dagger.sh smollm2-135m|qwen2.5-coder-0.5b PASSING.jsonl HELD.jsonl ADAPTER [RUN]
# PASSING as in sft.sh; HELD is its run's held.jsonl. Run again, it goes on where it was. The one round that was measured
# (LOG.md) played 695 starts of at most 420 characters, learned 400 older demonstrations beside, and took some 100 minutes
# on two cores beside other work.
set -euo pipefail
model=$1 passing=$2 held=$3 adapter=$4 run=${5:-runs/$1-dagger}
case $model in
smollm2-135m) rate=7e-4 ;;
qwen2.5-coder-0.5b) rate=5e-4 ;;
*) echo "$0: no recipe for $model; there is one for smollm2-135m and qwen2.5-coder-0.5b" >&2; exit 64 ;;
esac
mkdir -p "$run"

coe data synthesize --from "$passing" --from starter --without mbpp --without humanevalfix --without quixbugs \
  --count 1000 --max-faults 3 --seed 11 --out "$run/starts.jsonl"
coe eval --set "$run/starts.jsonl" --model "$model" --adapter "$adapter" --temperature 1 --turns 4 --seed 1 \
  --out "$run/played"
coe data correct "$run/played" --each 2 --seed 21 --out "$run/corrections.jsonl"

coe sft --data "$run/corrections.jsonl" --data "$run/starts.jsonl" --validation "$held" --model "$model" \
  --adapter "$adapter" --max-length 600 --train-tokens 800000 --batch 12 --learning-rate "$rate" --precision bfloat16 \
  --validate-every 60 --out "$run/sft" --resume

coe eval --set "$held" --model "$model" --adapter "$run/sft/adapter" --subset 60 --seed 1 --out "$run/eval"
