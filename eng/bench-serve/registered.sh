#!/usr/bin/env bash
# What many registered adapters cost on S: throughput with 200 in rotation against one, a cold adapter against a warm one, start-up and memory by how many are registered.
# After prepare.sh. Usage: eng/bench-serve/registered.sh FOLDER [rounds, 3]
. "$(dirname "$0")/common.sh"
work=$1 rounds=${2:-3} most=10000
requests=(--requests 128 --concurrency 64 --input 32 97 --output 32 65 --warm-up 4)

echo "start-up and memory by registered adapters (FLoRA r=1)"
printf '%10s %12s %12s %24s\n' registered "ready, s" "RSS, MiB" "after 64 requests, MiB"
for count in 10 1000 "$most"; do
  start 8193 "$work/registered.log" $LORIKEET serve --model "$work/S" --port 8193 --registry "$work/registry-$count.db"
  before=$(mib "$pid")
  load 8193 --adapter-count 10 --in-turn --requests 64 --concurrency 16 --input 32 33 --output 8 9 --warm-up 0 > /dev/null
  printf '%10d %12s %12s %24s\n' "$count" "$seconds" "$before" "$(mib "$pid")"
  [ "$count" = "$most" ] || stop "$pid"
done
flora=$pid
start 8194 "$work/lora4.log" $LORIKEET serve --model "$work/S" --port 8194 --adapter-dir "$work/lora4" --cache-mib 2048
lora=$pid

echo; echo "64 requests in flight, prompts of 32 to 96, answers of 32 to 64 tokens: tokens/s of answers with one adapter, with 200 in rotation"
for server in "8193:FLoRA r=1, $most registered" "8194:LoRA r=4, 200 registered"; do
  port=${server%%:*} one=() all=() ratio=()
  load "$port" --adapter-count 200 --in-turn --requests 200 --concurrency 64 --input 8 9 --output 4 5 --seed 1 --warm-up 0 > /dev/null
  for ((r = 2; r < rounds + 2; r++)); do
    one+=("$(load "$port" --adapter-count 1 "${requests[@]}" --seed $r)")
    all+=("$(load "$port" --adapter-count 200 "${requests[@]}" --seed $r)")
    ratio+=("$(awk "BEGIN {print ${all[-1]} / ${one[-1]}}")")
  done
  printf '%-28s one %8s   200 %8s   ratio %s (%s)\n' "${server#*:}" "$(median "${one[*]}")" "$(median "${all[*]}")" "$(median "$(printf '%s ' "${ratio[@]}" | awk '{for (i = 1; i <= NF; i++) printf "%.1f ", $i * 100}')") %" "$(printf '%.3f ' "${ratio[@]}")"
done
stop "$flora"; stop "$lora"

echo; echo "a cold adapter (LoRA r=16, bf16, all linear layers, files in the page cache): first token of a request of 16 tokens, ms, medians of 40"
start 8195 "$work/cold.log" $LORIKEET serve --model "$work/S" --port 8195 --registry "$work/registry-cold.db" --cache-mib 2048 $(for ((i = 0; i < 48; i++)); do printf -- '--adapter bench-%04d=%s/lora16/bench-%04d ' "$i" "$work" "$i"; done)
names=(); for ((i = 8; i < 48; i++)); do names+=("$(printf 'bench-%04d' "$i")"); done
# Adapters 0 to 7 warm the code up.
for r in 1 2 3; do first 8195 --adapter-count 8 --in-turn --concurrency 1 --requests 16 --input 16 17 --output 1 2 --warm-up 4 --seed $r > /dev/null; done
cold=$(first 8195 --adapters "${names[@]}" --in-turn --concurrency 1 --requests 40 --input 16 17 --output 1 2 --warm-up 0 --seed 7)
warm=(); for r in 8 9 10; do warm+=("$(first 8195 --adapters "${names[@]}" --in-turn --concurrency 1 --requests 40 --input 16 17 --output 1 2 --warm-up 0 --seed $r)"); done
printf 'cold %.1f   warm %.1f   difference %.1f ms\n' "$cold" "$(median "${warm[*]}")" "$(awk "BEGIN {print $cold - $(median "${warm[*]}")}")"
stop "$pid"
