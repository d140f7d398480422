#!/usr/bin/env bash
# Writes what peers.sh and registered.sh load their servers with (2.3 GB); what is there already stays. Usage: eng/bench-serve/prepare.sh FOLDER
. "$(dirname "$0")/common.sh"
work=$1
mkdir -p "$work"
[ -f "$work/S/config.json" ] || lorikeet bench make "$work/S" --shape S
[ -f "$work/S-bf16.gguf" ] || lorikeet convert "$work/S" "$work/S-bf16.gguf"
[ -f "$work/S-q8_0.gguf" ] || lorikeet convert "$work/S" "$work/S-q8_0.gguf" --type q8_0
lorikeet bench make "$work/lora16" --base "$work/S" --count 104 --rank 16 --targets all-linear
for i in 0 1 2 3; do
  [ -f "$work/lora16-$i.gguf" ] || lorikeet convert "$work/lora16/bench-000$i" "$work/lora16-$i.gguf" --model "$work/S"
done
lorikeet bench make "$work/lora4" --base "$work/S" --count 200 --rank 4 --targets all-linear
lorikeet bench make "$work/flora1" --base "$work/S" --count 1000 --method flora --rank 1 --targets all-linear
# Registries: a server that is given adapters records them, so the next start finds them there. That of 10,000 has each of 1,000 adapters under ten names.
for count in 10 1000; do
  [ -f "$work/registry-$count.done" ] && continue
  options=()
  for ((i = 0; i < count; i++)); do name=$(printf 'bench-%04d' "$i"); options+=(--adapter "$name=$work/flora1/$name"); done
  start 8190 "$work/registry.log" $LORIKEET serve --model "$work/S" --port 8190 --registry "$work/registry-$count.db" "${options[@]}"
  echo "registered $count adapters in $seconds s"
  stop "$pid"
  touch "$work/registry-$count.done"
done
if [ ! -f "$work/registry-10000.done" ]; then
  sqlite3 "$work/registry-1000.db" "VACUUM INTO '$work/registry-10000.db'"
  for k in 1 2 3 4 5 6 7 8 9; do
    sqlite3 "$work/registry-10000.db" "
      INSERT INTO adapters SELECT id || '-$k', tenant, printf('bench-%04d', substr(name, 7) + ${k}000), created, active, pinned, next FROM adapters WHERE length(id) = 32;
      INSERT INTO versions SELECT id || '-$k', adapter || '-$k', version, hash, kind, rank, bytes, base, created, folder, managed, scale FROM versions WHERE length(id) = 32;"
  done
  echo "a registry of $(sqlite3 "$work/registry-10000.db" 'SELECT COUNT(*) FROM adapters') adapters"
  touch "$work/registry-10000.done"
fi
