#!/usr/bin/env bash
# The experiments of docs/optimizers.md that take minutes: GaLore against LoRA on random weights, LISA against LoRA and full fine-tuning, on the texts of assets/texts.
# Usage: eng/optimizer-experiments.sh FOLDER; prints a line for each run and leaves the runs in FOLDER. Every run is one process and can be repeated alone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${1:?name a folder for the runs}
lorikeet=${LORIKEET:-$root/lorikeet}
mkdir -p "$out"
cd "$out"
cp -n "$root/assets/texts/base.txt" "$root/assets/texts/psalms.txt" .
shape=(--hidden 96 --layers 8 --heads 4 --context 128 --untied)

# run NAME ARGUMENTS..: one run, and its last held-out loss and peak memory.
run() {
  local name=$1; shift
  [ -d "$name" ] || $lorikeet "$@" --out "$name" --no-best >"$name.log" 2>&1 || { tail -1 "$name.log"; return 1; }
  printf '%-24s %s   %s\n' "$name" "$(grep -o 'held-out loss [0-9.]*' "$name.log" | tail -1)" "$(grep -o 'peak memory [0-9]* MiB' "$name.log" | tail -1)"
}

echo "== from random weights: 400 steps of 512 tokens of base.txt"
pretrain=(pretrain --data base.txt "${shape[@]}" --steps 400 --eval-every 0)
for rate in 1e-3 3e-3; do
  run "adamw-$rate" "${pretrain[@]}" --lr "$rate"
done
run galore "${pretrain[@]}" --lr 1e-2 --optimizer galore --optimizer-option rank=24 period=100
run random pretrain --data base.txt "${shape[@]}" --steps 1 --lr 1e-12 --eval-every 0 --dtype f32
for rate in 3e-3 1e-2; do
  run "lora-$rate" train --model random --data base.txt --context 128 --steps 400 --eval-every 0 --method lora --rank 24 --alpha 24 --targets q_proj k_proj v_proj o_proj gate_proj up_proj down_proj \
    --set 'modules_to_save=["embed_tokens","lm_head"]' --lr "$rate"
done

echo "== fine-tuning: 200 steps of 512 tokens of psalms.txt"
tune=(train --model adamw-3e-3 --data psalms.txt --context 128 --steps 200 --eval-every 0 --warmup 10)
for rate in 1e-3 2e-3; do
  run "full-$rate" "${tune[@]}" --method full --lr "$rate"
  run "lisa-$rate" "${tune[@]}" --method full --lr "$rate" --step-rule lisa --step-rule-option layers=2 interval=20
done
# As many numbers train as the token table, the head and two blocks have.
for rate in 3e-3 6e-3; do
  run "lora-tune-$rate" "${tune[@]}" --method lora --rank 18 --alpha 18 --targets all-linear --lr "$rate"
done
