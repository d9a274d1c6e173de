#!/usr/bin/env bash
# ./x quickstart, as a person runs it: twice, with --break, with --stop; then nothing may be left.
# Exit 77 (skipped): no Docker engine, and no root to start one; or a quickstart of a person is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/lab/common.sh
. tests/lab/docker.sh

skip() { echo "skipped: $*"; exit 77; }
fail() {
    echo "FAILED: $*" >&2
    for log in build/quickstart/*.log; do [ ! -f "$log" ] || { echo "--- $log"; tail -n 40 "$log"; } >&2; done
    exit 1
}
# expect TEXT FILE: the file holds the text.
expect() { grep -qF -- "$1" "$2" || { cat "$2" >&2; fail "'$1' was not printed"; }; }

[ ! -d build/quickstart ] || skip "build/quickstart exists; ./x quickstart --stop removes it"
find_engine >/dev/null || [ "$(id -u)" -eq 0 ] || skip "no Docker engine answers, and only root can start one"

out=$(mktemp)
trap './x quickstart --stop >/dev/null 2>&1 || true; rm -f "$out"' EXIT

./x quickstart >"$out" 2>&1 || { cat "$out" >&2; fail "the first quickstart ended with $?"; }
expect "http://127.0.0.1:18080" "$out"
expect "[4/4]" "$out"
expect "answers: sample version 1" "$out"

./x quickstart >"$out" 2>&1 || { cat "$out" >&2; fail "the second quickstart ended with $?"; }
expect "answers: sample version 2" "$out"

./x quickstart --break >"$out" 2>&1 || { cat "$out" >&2; fail "--break ended with $?"; }
expect "HEALTH_CHECK_FAILED" "$out"
expect "the old version answers again: sample version 2" "$out"

pids=$(cat build/quickstart/*.pid)
./x quickstart --stop >"$out" 2>&1 || { cat "$out" >&2; fail "--stop ended with $?"; }

[ ! -e build/quickstart ] || fail "build/quickstart is still there"
for pid in $pids; do ! alive "$pid" || fail "process $pid still runs"; done
if socket=$(find_engine); then
    export DOCKER_HOST="unix://$socket"
    left=$(docker ps -aq --filter label=onex.namespace=quickstart-studio
        docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -E 'quickstart|^sample:' || true)
    [ -z "$left" ] || fail "Docker still holds: $left"
fi
echo "the quickstart left nothing behind"
