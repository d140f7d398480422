#!/usr/bin/env bash
# Lorikeet beside llama.cpp's server: 16 requests at once, 64 prompt and 32 new tokens each, LoRA of rank 16 on all linear layers of S; both servers stand ready,
# runs of both take turns, the median counts. After prepare.sh. Usage: eng/bench-serve/peers.sh FOLDER LLAMA_SERVER [runs, 5; what is only ours has 3]
# llama-server batches requests of one adapter alone and takes the groups in turn; it gets the adapter of each request in the request (field lora), all slots at once
# (-np 16, continuous batching), both cores (-t 2), prompts in one batch (-b 2048 -ub 512), and requests that come grouped as little as ours do.
. "$(dirname "$0")/common.sh"
work=$1 llama=$2 runs=${3:-5}
requests=(--requests 16 --concurrency 16 --in-turn --input 64 65 --output 32 33 --warm-up 4)
many=(--requests 64 --concurrency 64 --in-turn --input 64 65 --output 32 33 --warm-up 4)
export LD_LIBRARY_PATH=$(dirname "$llama")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
loras=(); for i in 0 1 2 3; do loras+=(--lora "$work/lora16-$i.gguf"); done
printf '%-6s %-28s %s\n' format what "tokens/s of answers (median of all runs)"
for format in ${FORMATS:-bf16 q8_0}; do
  start 8191 "$work/llama.log" "$llama" -m "$work/S-$format.gguf" "${loras[@]}" --lora-init-without-apply -t 2 -np 16 -cb -c 4096 -b 2048 -ub 512 --port 8191
  theirs=$pid
  start 8192 "$work/lorikeet.log" $LORIKEET serve --model "$work/S-$format.gguf" --port 8192 --adapter-dir "$work/lora16" --cache-mib 2048
  ours=$pid
  # Once unmeasured: adapters are read, code is compiled.
  load 8191 --adapter-count 4 --lora-ids "${requests[@]}" --seed 1 > /dev/null
  for n in 4 16; do load 8192 --adapter-count $n "${requests[@]}" --seed 1 > /dev/null; done
  load 8192 --adapter-count 64 "${many[@]}" --seed 1 > /dev/null
  them=() us=() us16=() us64=() bare=()
  for ((r = 2; r < runs + 2; r++)); do
    them+=("$(load 8191 --adapter-count 4 --lora-ids "${requests[@]}" --seed $r)")
    us+=("$(load 8192 --adapter-count 4 "${requests[@]}" --seed $r)")
    [ $r -gt 4 ] && continue
    us16+=("$(load 8192 --adapter-count 16 "${requests[@]}" --seed $r)")
    us64+=("$(load 8192 --adapter-count 64 "${many[@]}" --seed $r)")
    bare+=("$(load 8192 "${requests[@]}" --model "S-$format.gguf" --seed $r)")
  done
  for row in "llama-server, 4 adapters:${them[*]}" "lorikeet, 4 adapters:${us[*]}" "lorikeet, 16 adapters:${us16[*]}" "lorikeet, 64 of 64:${us64[*]}" "lorikeet, no adapter:${bare[*]}"; do
    values=${row#*:}
    printf '%-6s %-28s %8s   %5.2fx   (%s)\n' "$format" "${row%%:*}" "$(median "$values")" "$(awk "BEGIN {print $(median "$values") / $(median "${them[*]}")}")" "$(printf '%.1f ' $values)"
  done
  stop "$theirs"; stop "$ours"
done
