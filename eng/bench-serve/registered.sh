#!/usr/bin/env bash
# What many registered adapters cost on S: start-up and memory by how many are registered, throughput with 200 in rotation against one, a cold adapter against a warm one;
# and whether each answer in a crowd is the one that the same request gets alone. After prepare.sh.
# Usage: eng/bench-serve/registered.sh FOLDER [rounds, 3] [parts: start cold flora lora same]
. "$(dirname "$0")/common.sh"
work=$1 rounds=${2:-3}; shift; shift || true
parts=${*:-start cold flora lora}

memory() {
  echo "start-up and memory by registered adapters (FLoRA r=1)"
  printf '%10s %10s %10s %24s\n' registered "ready, s" "RSS, MiB" "after 64 requests, MiB"
  for count in 10 1000 10000; do
    start 8193 "$work/registered.log" $LORIKEET serve --model "$work/S" --port 8193 --registry "$work/registry-$count.db"
    before=$(mib "$pid")
    load 8193 --adapter-count 10 --in-turn --requests 64 --concurrency 16 --input 32 33 --output 8 9 --warm-up 0 > /dev/null
    printf '%10d %10s %10s %24s\n' "$count" "$seconds" "$before" "$(mib "$pid")"
    stop "$pid"
  done
}

# rotate WHAT OPTIONS OF THE SERVER...: rounds of the same requests with one adapter and with 200, in turn.
rotate() {
  local what=$1 one=() all=() ratio=() requests=(--requests 96 --concurrency 64 --input 16 49 --output 24 49 --warm-up 4); shift
  start 8194 "$work/rotate.log" $LORIKEET serve --model "$work/S" --port 8194 "$@"
  # Once unmeasured: adapters are read, code is compiled.
  load 8194 --adapter-count 200 --in-turn --requests 200 --concurrency 64 --input 8 9 --output 4 5 --seed 1 --warm-up 0 > /dev/null
  load 8194 --adapter-count 1 --requests 64 --concurrency 64 --input 32 33 --output 8 9 --seed 1 > /dev/null
  for ((r = 2; r < rounds + 2; r++)); do
    one+=("$(load 8194 --adapter-count 1 "${requests[@]}" --seed $r)")
    all+=("$(load 8194 --adapter-count 200 "${requests[@]}" --seed $r)")
    ratio+=("$(awk "BEGIN {print 100 * ${all[-1]} / ${one[-1]}}")")
  done
  printf '%-28s one %7s   200 %7s   %s %% (%s)\n' "$what" "$(median "${one[*]}")" "$(median "${all[*]}")" "$(median "${ratio[*]}")" "$(printf '%.1f ' "${ratio[@]}")"
  stop "$pid"
}

cold() {
  local options=() i
  for ((i = 0; i < 104; i++)); do options+=(--adapter "$(printf 'bench-%04d=%s/lora16/bench-%04d' "$i" "$work" "$i")"); done
  echo "a cold adapter (LoRA r=16, bf16, all linear layers, files in the page cache): first token of a request of 16 tokens, ms, medians of 40"
  cat "$work"/lora16/*/adapter_model.safetensors > /dev/null
  # A full cache throws one out for each that comes; one with room takes memory that is new to the process, or was touched ahead.
  cold_with "cache full" 224 "${options[@]}"
  cold_with "cache with room" 2048 "${options[@]}"
}
# cold_with WHAT MIB OPTIONS OF THE SERVER...
cold_with() {
  local what=$1 cache=$2 names=() others=() warm=() first r i; shift 2
  for ((i = 64; i < 104; i++)); do others+=("$(printf 'bench-%04d' "$i")"); done
  for ((i = 8; i < 48; i++)); do names+=("$(printf 'bench-%04d' "$i")"); done
  start 8195 "$work/cold.log" $LORIKEET serve --model "$work/S" --port 8195 --cache-mib "$cache" "$@"
  # Forty others fill the small cache and warm the code up that reads adapters, 0 to 7 all else.
  first_token 8195 --adapters "${others[@]}" --requests 40 --seed 6 > /dev/null
  for r in 1 2 3; do first_token 8195 --adapter-count 8 --requests 16 --seed $r > /dev/null; done
  read -r known spent < <(loads 8195)
  first=$(first_token 8195 --adapters "${names[@]}" --requests 40 --seed 7)
  read -r count seconds < <(loads 8195)
  for r in 8 9 10; do
    first_token 8195 --adapter-count 8 --requests 8 --seed $r > /dev/null
    warm+=("$(first_token 8195 --adapter-count 8 --requests 40 --seed $r)")
  done
  printf '%-16s cold %.1f   warm %s   difference %.1f ms; a load took %.1f ms (mean of %d)\n' "$what" "$first" "$(median "${warm[*]}")" "$(awk "BEGIN {print $first - $(median "${warm[*]}")}")" \
    "$(awk "BEGIN {print 1000 * ($seconds - $spent) / ($count - $known)}")" "$((count - known))"
  stop "$pid"
}
loads() { curl -s "http://127.0.0.1:$1/metrics" | awk '/^vllm:lora_adapter_load_seconds_count/ {c = $2} /^vllm:lora_adapter_load_seconds_sum/ {s = $2} END {print c + 0, s + 0}'; }
first_token() {
  lorikeet bench serve --server "http://127.0.0.1:$1" --ids 49000 --json --in-turn --concurrency 1 --input 16 17 --output 1 2 --warm-up 0 "${@:2}" 2> /dev/null | jq -r '.first_token_s.p50 * 1000'
}

# 1,000 adapters registered (200 LoRA of rank 4, 800 FLoRA of rank 1), 100 of each kind in rotation, a cache that holds about half of those: token ids and log-probabilities of REQUESTS answers.
same() {
  local options=() names=() name i requests=(--requests "${REQUESTS:-400}" --in-turn --input 16 49 --output 8 17 --warm-up 0 --seed 11)
  for ((i = 0; i < 200; i++)); do name=$(printf 'bench-%04d' "$i"); options+=(--adapter "lora-$i=$work/lora4/$name"); done
  for ((i = 0; i < 800; i++)); do name=$(printf 'bench-%04d' "$i"); options+=(--adapter "flora-$i=$work/flora1/$name"); done
  for ((i = 0; i < 100; i++)); do names+=("lora-$i" "flora-$i"); done
  start 8196 "$work/same.log" $LORIKEET serve --model "$work/S" --port 8196 --cache-mib "${CACHE_MIB:-320}" "${options[@]}"
  load 8196 --adapters "${names[@]}" "${requests[@]}" --concurrency 64 --answers "$work/crowd.jsonl" > /dev/null
  curl -s "http://127.0.0.1:8196/metrics" > "$work/same.metrics"
  stop "$pid"
  start 8196 "$work/same.log" $LORIKEET serve --model "$work/S" --port 8196 --cache-mib 2048 "${options[@]}"
  load 8196 --adapters "${names[@]}" "${requests[@]}" --concurrency 1 --answers "$work/alone.jsonl" > /dev/null
  stop "$pid"
  printf '%s registered, %s answers, %s tokens; %s differ from the answers that the same requests get alone\n' \
    "$(awk '/^lorikeet_adapters_registered / {print int($2)}' "$work/same.metrics")" "$(jq -s 'map(select(.finish_reason != null)) | length' "$work/crowd.jsonl")" \
    "$(jq -s 'map(.token_ids | length) | add' "$work/crowd.jsonl")" "$(cmp -s "$work/crowd.jsonl" "$work/alone.jsonl" && echo 0 || diff "$work/crowd.jsonl" "$work/alone.jsonl" | grep -c '^<')"
  grep -E '^lorikeet_adapter_(loads|evictions)_total' "$work/same.metrics" || true
}

rotation="64 requests in flight, prompts of 16 to 48, answers of 24 to 48 tokens: tokens/s of answers with one adapter and with 200, medians"
for part in $parts; do
  case $part in
    start) memory ;;
    flora) echo "$rotation"; rotate "FLoRA r=1, 10000 registered" --registry "$work/registry-10000.db" ;;
    lora) echo "$rotation"; rotate "LoRA r=4, 200 registered" --adapter-dir "$work/lora4" --cache-mib 2048 ;;
    cold) cold ;;
    same) same ;;
    *) echo "there is no part $part" >&2; exit 2 ;;
  esac
done
