# What the scripts beside this one share; LORIKEET: the command to measure, for example "dotnet artifacts/bin/Lorikeet.Cli/release/lorikeet.dll".
set -euo pipefail
LORIKEET=${LORIKEET:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/lorikeet}
lorikeet() { $LORIKEET "$@"; }
servers=()
trap 'for p in "${servers[@]}"; do kill "$p" 2>/dev/null || true; done' EXIT

# start PORT LOG COMMAND...: runs a server and waits until it is ready; sets pid, and seconds, the time that took.
start() {
  local port=$1 log=$2 began; shift 2
  began=$(date +%s.%N)
  "$@" > "$log" 2>&1 &
  pid=$!
  servers+=("$pid")
  until curl -sf "http://127.0.0.1:$port/health" > /dev/null 2>&1; do
    kill -0 "$pid" 2> /dev/null || { echo "the server on port $port ended: $(tail -2 "$log")" >&2; return 1; }
    sleep 0.01
  done
  seconds=$(awk "BEGIN {printf \"%.2f\", $(date +%s.%N) - $began}")
}
stop() { kill "$1" 2> /dev/null || true; wait "$1" 2> /dev/null || true; }

# load PORT OPTIONS...: tokens/s of answers of one run of the load generator; what fails is said and counts as nothing.
load() {
  local port=$1 answer; shift
  answer=$(lorikeet bench serve --server "http://127.0.0.1:$port" --ids 49000 --json "$@" 2> /dev/null)
  [ "$(jq .failed <<< "$answer")" = 0 ] || echo "port $port: failed: $(jq -c .errors <<< "$answer")" >&2
  jq -r '.output_tokens_per_s' <<< "$answer"
}
median() { tr ' ' '\n' <<< "$*" | sort -g | awk 'NF {v[n++] = $1} END {printf "%.1f", n % 2 ? v[int(n / 2)] : (v[n / 2 - 1] + v[n / 2]) / 2}'; }
mib() { awk '/VmRSS/ {printf "%d", $2 / 1024}' "/proc/$1/status"; }
