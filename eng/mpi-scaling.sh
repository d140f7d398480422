#!/usr/bin/env bash
# What two processes of one thread each gain over one: tokens/s of LoRA training with the same global batch, steps 3 to the last.
# Usage: eng/mpi-scaling.sh LORIKEET.dll MODEL DATA [STEPS] [more options of train]
set -euo pipefail
program=$1 model=$2 data=$3 steps=${4:-8}; shift 3; shift || true
export LORIKEET_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
rate() { tail -n +3 "$1/metrics.jsonl" | grep '"loss"' | sed -E 's/.*"tokens":([0-9]+).*"seconds":([0-9.]+).*/\1 \2/' | awk '{t+=$1; s+=$2} END {printf "%.0f", t/s}'; }
run() { dotnet "$program" train --model "$model" --data "$data" --set target_modules=all-linear --set r=16 --context 128 --batch 4 --steps "$steps" --eval-share 0 --no-best --out "$work/$1" "${@:2}" > /dev/null; }
run one "$@"
mpirun --oversubscribe --bind-to core -np 2 dotnet "$program" train --model "$model" --data "$data" --set target_modules=all-linear --set r=16 --context 128 --batch 4 --steps "$steps" --eval-share 0 --no-best --out "$work/two" "$@" > /dev/null
one=$(rate "$work/one") two=$(rate "$work/two")
echo "one process $one tokens/s, two processes $two tokens/s: $(awk "BEGIN {printf \"%.2f\", $two/$one}") times"
