#!/usr/bin/env bash
# ./x bench durable, and a part of ./x bench: what it costs that a workflow survives a kill at any moment,
# and how it comes back. Needs no Docker. Measures; never fails on time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/lab/common.sh
. tests/bench/common.sh

DIR=$PWD/build/bench-durable
BUILD=${ONEX_BUILD_DIR:-$PWD/build}
BIN=$BUILD/bin
STEPS=50

# A workflow of so many calls that do next to nothing.
write_workflow() { # STEPS FILE
    local i
    cat >"$2" <<YAML
schema_version: "2.0"
node_identity: {name: bench_steps, node_type: orchestrator, version: "1.0.0", description: Calls that do next to nothing}
subject: who
performance_requirements: {throughput: {max_concurrent_deployments: 200}}
workflow_stages:
  - stage_number: 1
    stage_name: calls
    operations:
YAML
    for ((i = 0; i < $1; i++)); do echo '      - {name: greet, timeout_ms: 60000, with: {name: who}}' >>"$2"; done
    cat >>"$2" <<'YAML'
input_state: {type: object, required: [who], properties: {who: {type: string}, workflow_id: {type: string, format: uuid}}}
output_state: {type: object, properties: {text: {type: string}}}
fsm_states:
  states:
    - {name: PENDING, transitions: [WORKING, FAILED]}
    - {name: WORKING, transitions: [COMPLETED, FAILED]}
    - {name: COMPLETED, transitions: []}
    - {name: FAILED, transitions: []}
  initial_state: PENDING
  final_states: [COMPLETED, FAILED]
error_handling: {retry_policy: {max_attempts: 3, initial_backoff_ms: 100, max_backoff_ms: 1000, timeout_ms: 60000}}
YAML
}

write_config() {
    mkdir -p "$DIR/workflows"
    write_workflow "$STEPS" "$DIR/workflows/bench_steps.yaml"
    cat >"$DIR/host.toml" <<TOML
[host]
name = "bench-durable"
data_dir = "data"
workflow_dirs = ["$DIR/workflows"]
plugin_dirs = ["$BUILD/lib/onex/plugins", "$BUILD/tests/plugins"]
[nodes.orchestrator]
plugin = "orchestrator"
settings = {queue_max = 1000}
[nodes.greeter]
plugin = "greeter"
isolation = "inproc"
TOML
}

cli() { "$BIN/onex-host" "$@" --config "$DIR/host.toml"; }
answers() { cli status >/dev/null 2>&1; }
start_host() {
    "$BIN/onex-host" run --config "$DIR/host.toml" >>"$DIR/log" 2>&1 &
    echo $! >"$DIR/pid"
    wait_until 30 answers || { tail -n 20 "$DIR/log" >&2; die "the host did not start"; }
}
clean_up() {
    if [ -f "$DIR/pid" ]; then end_process "$(cat "$DIR/pid")" 20; fi
    rm -rf "$DIR"
}

ask() { curl -fsS --max-time 300 --unix-socket "$DIR/data/admin.sock" -H 'Content-Type: application/json' "$@"; }
# submit N QUERY: so many runs at once; the answers, one a line.
submit() {
    seq "$1" | xargs -P 100 -I{} curl -fsS --max-time 300 --unix-socket "$DIR/data/admin.sock" \
        -H 'Content-Type: application/json' -d '{"who":"run {}"}' -w '\n' "http://host/api/v1/workflows/bench_steps$2"
}
open_runs() { ask "http://host/api/v1/deployments?limit=200" | jq '[.deployments[] | select(.final | not)] | length'; }
none_open() { [ "$(open_runs)" = 0 ]; }

measure_steps() {
    local commit one rate
    commit=$("$BIN/onex_bench" publish "$DIR")
    one=$(submit 1 '?wait=true' | jq -r .duration_ms)
    rate=$(calc %.0f "$STEPS * 1000 / ($one + 0.001)")
    # An intent before each call and a result after it: two commits that the disk has to confirm.
    row "durable steps of one workflow (steps/s)" "$rate" "$(calc %.0f "500 / $commit")" "$(calc %.2f "$rate * $commit / 500") of two bare commits"
}

measure_concurrent() {
    local start took
    start=$(now)
    submit 100 '?wait=true' | jq -r .duration_ms | sort -n >"$DIR/durations"
    took=$(since "$start")
    row "100 workflows of $STEPS steps at once (steps/s)" "$(calc %.0f "100 * $STEPS / $took")" "-" "all of them in $took s"
    row "latency of one of them, median (ms)" "$(sed -n 50p "$DIR/durations")" "-" "longest $(tail -n 1 "$DIR/durations") ms"
}

# The host is killed with so many workflows open, and started again.
measure_recovery() { # RUNS
    local start open
    submit "$1" '' >/dev/null
    kill -KILL "$(cat "$DIR/pid")"
    wait "$(cat "$DIR/pid")" 2>/dev/null || true
    start=$(now)
    start_host
    open=$(open_runs)
    wait_until 120 none_open || die "some runs did not end after the restart"
    row "killed with $1 workflows: all have ended (s)" "$(since "$start")" "-" "$open were open"
}

[ ! -e "$DIR" ] || die "build/bench-durable exists; another run is going on, or remove it"
trap clean_up EXIT
write_config
start_host
printf '\nWorkflows that survive\n\n'
head_row
measure_steps
measure_concurrent
measure_recovery 10
measure_recovery 100
