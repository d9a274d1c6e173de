#!/usr/bin/env bash
# ./x quickstart, as a person runs it: twice, with --break, with --stop. Then all has to be as it was before: the
# Docker engine (also whether one runs), the processes, the folders, the temporary files.
# Exit 77 (skipped), with the reason: a quickstart of a person is there, or no Docker engine can be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/lab/common.sh
. tests/lab/docker.sh

program=${ONEX_BUILD_DIR:-$PWD/build}/bin/onex-host

skip() { echo "skipped: $*"; exit 77; }
fail() {
    echo "FAILED: $*" >&2
    for log in build/quickstart/*.log; do [ ! -f "$log" ] || { echo "--- $log"; tail -n 40 "$log"; } >&2; done
    exit 1
}
# expect TEXT: the last quickstart printed it.
expect() { grep -qF -- "$1" "$work/out" || { cat "$work/out" >&2; fail "'$1' was not printed"; }; }
quickstart() {
    local status=0
    ./x quickstart "$@" >"$work/out" 2>&1 || status=$?
    [ $status -eq 0 ] || { cat "$work/out" >&2; fail "./x quickstart $* ended with $status"; }
}

engine() { docker -H "unix://$ONEX_ENGINE_SOCKET" "$@"; }

# What a quickstart could leave behind, or take away from somebody, one a line.
state() {
    {
        if ONEX_ENGINE_SOCKET=$(find_engine); then
            engine ps -a --no-trunc --format 'container {{.ID}} {{.Names}}'
            engine image ls -a --no-trunc --format 'image {{.ID}} {{.Repository}}:{{.Tag}}'
            engine volume ls --format 'volume {{.Name}}'
            engine network ls --no-trunc --format 'network {{.ID}} {{.Name}}'
        else
            echo "no Docker engine answers"
        fi
        ls -d build/quickstart build/lab /sys/class/net/docker0 /tmp/onex-lab.* 2>/dev/null || true
        find "$TMPDIR" -mindepth 1
        ps -A -ww -o pid= -o args= | grep -F -e "$program" -e "$PWD/build/lab" -e /tmp/onex-lab. |
            grep -v -F 'grep -F' || true
    } | only_ours | sort
}

# On an engine that is not this checkout's, others come and go; there only what has the quickstart's names counts.
others_engine=''
only_ours() {
    if [ -z "$others_engine" ]; then cat; else grep -e sample -e quickstart -e "$PWD/build" -e "$TMPDIR" || true; fi
}

[ ! -d build/quickstart ] || skip "build/quickstart exists; ./x quickstart --stop removes it"
have ps || skip "ps is missing (Debian: procps)"
if find_engine >/dev/null; then
    own_engine_of test || others_engine=yes
else
    [ "$(id -u)" -eq 0 ] || skip "no Docker engine answers, and only root can start one"
    [ ! -d /run/systemd/system ] || skip "Docker is stopped; the quickstart would start it, and leave it running"
fi

work=$(mktemp -d)
trap './x quickstart --stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/tmp"
export TMPDIR=$work/tmp # so that whatever is forgotten there is the quickstart's
./x quickstart --stop >/dev/null # what a broken run left in Docker is not this run's
state >"$work/before"

quickstart
expect "http://127.0.0.1:18080"
expect "[4/4]"
expect "answers: sample version 1"
ONEX_ENGINE_SOCKET=$(find_engine)
published=$(engine port sample)
[ "$published" = "8080/tcp -> 127.0.0.1:18080" ] || fail "the sample is not only on this machine: $published"

quickstart
expect "answers: sample version 2"

quickstart --break
expect "HEALTH_CHECK_FAILED"
expect "the old version answers again: sample version 2"

# A service that nobody can reach is no success. The container is stopped behind the hosts' backs.
engine stop sample >/dev/null
if ./x quickstart --break >"$work/out" 2>&1; then fail "--break did not notice that nothing answers"; fi
expect "nothing answers on port 18080; ./x quickstart deploys a version that does"

# Without this the comparison could be one of nothing with nothing.
state >"$work/during"
for kind in "image .* onex-quickstart/base:1" "container .* sample" "build/quickstart" "$program run"; do
    grep -q -- "$kind" "$work/during" || { cat "$work/during" >&2; fail "'$kind' is not in what state() lists"; }
done

quickstart --stop
expect "nothing of the quickstart is left"
state >"$work/after"
diff "$work/before" "$work/after" >"$work/difference" || {
    cat "$work/difference" >&2
    fail "the quickstart left (>) or removed (<) this"
}
echo "the quickstart left nothing behind"
