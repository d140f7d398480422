#!/usr/bin/env bash
# What two processes of one thread each gain over one: tokens/s of LoRA training (rank 16 on all linear layers, batches of 4 x 128 tokens), same global batch.
# Usage: eng/mpi-scaling.sh LORIKEET.dll MODEL DATA [STEPS] [more options of train, for example --accumulate 2]
# The fastest step counts (a machine that does something else beside is slower, never faster); the mean of all steps but the first two stands beside it.
set -euo pipefail
program=$1 model=$2 data=$3 steps=${4:-8}; shift 3; shift || true
export LORIKEET_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
run() {
  local out=$work/$1; shift
  "$@" dotnet "$program" train --model "$model" --data "$data" --set target_modules=all-linear --set r=16 --context 128 --batch 4 --steps "$steps" --eval-share 0 --no-best \
    --out "$out" "${more[@]}" > /dev/null
  grep '"loss"' "$out/metrics.jsonl" | tail -n +3 | sed -E 's/.*"tokens":([0-9]+).*"seconds":([0-9.]+).*/\1 \2/' |
    awk '{t+=$1; s+=$2; if ($1/$2 > best) best=$1/$2} END {printf "%.0f %.0f\n", best, t/s}'
}
more=("$@")
read -r one one_mean < <(run one taskset -c 0)
read -r two two_mean < <(run two mpirun --oversubscribe --bind-to core -np 2)
awk "BEGIN {printf \"one process %d tokens/s (mean %d), two processes %d (mean %d): %.2f times (means %.2f)\n\", $one, $one_mean, $two, $two_mean, $two/$one, $two_mean/$one_mean}"
