#!/usr/bin/env bash
# ./x bench platform, and a part of ./x bench: what plugins cost, and what replacing them does to those
# who ask meanwhile. Needs no Docker. Measures; never fails on time, but on requests that failed or were answered wrongly,
# on memory that grows and on images that stay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/lab/common.sh
. tests/bench/common.sh

DIR=$PWD/build/bench-platform
BUILD=${ONEX_BUILD_DIR:-$PWD/build}
BIN=$BUILD/bin
OWN="orchestrator deployment_sender deployment_receiver"
PORT=$(free_port 18560)
PORT_GREETER=$(free_port $((PORT + 1)))
PORT_GREETER_APART=$(free_port $((PORT_GREETER + 1)))
PORT_PASSER_APART=$(free_port $((PORT_GREETER_APART + 1)))

write_config() {
    mkdir -p "$DIR/plugins"
    cat >"$DIR/host.toml" <<TOML
[host]
name = "bench-platform"
data_dir = "data"
plugin_dirs = ["$DIR/plugins", "$BUILD/tests/plugins"]
sql_plugins = ["orchestrator", "deployment_sender", "deployment_receiver"]
[nodes.greeter]
plugin = "greeter"
listen = "127.0.0.1:$PORT_GREETER"
isolation = "inproc"
[nodes.greeter_apart]
plugin = "greeter"
listen = "127.0.0.1:$PORT_GREETER_APART"
isolation = "process"
[nodes.passer]
plugin = "passer"
listen = "127.0.0.1:$PORT"
isolation = "inproc"
[nodes.passer_apart]
plugin = "passer"
listen = "127.0.0.1:$PORT_PASSER_APART"
isolation = "process"
TOML
    local node
    for node in $OWN; do
        cp "$BUILD/lib/onex/plugins/$node.so" "$DIR/plugins/"
        printf '[nodes.%s]\nplugin = "%s"\nisolation = "inproc"\n' "$node" "$node" >>"$DIR/host.toml"
    done
}

cli() { "$BIN/onex-host" "$@" --config "$DIR/host.toml"; }
answers() { cli status >/dev/null 2>&1; }

clean_up() {
    if [ -f "$DIR/pid" ]; then end_process "$(cat "$DIR/pid")" 20; fi
    rm -rf "$DIR"
}

# value FILE NAME: of the "name value" lines that the programs print.
value() { awk -v name="$2" '$1 == name {print $2}' "$DIR/$1"; }

measure_calls() {
    local abi virtual json near far
    "$BIN/onex_bench_calls" "$BUILD/tests/plugins/greeter.so" >"$DIR/calls"
    abi=$(value calls abi_ns)
    virtual=$(value calls virtual_ns)
    json=$(value calls json_ns)
    row "one call through the ABI (ns)" "$abi" "$virtual" "$(calc %.2f "$abi / $virtual") of a virtual call"
    row "the same, a small JSON both ways (ns)" "$json" "$abi" "$(calc %.0f "$json / $abi") of the ABI alone"
    near=$(calls_us greeter)
    far=$(calls_us greeter_apart)
    row "a node calls another one (us)" "$near" "$(calc %.2f "$json / 1000")" "$(calc %.0f "$near * 1000 / $json") of JSON over the ABI"
    row "a node calls one in its own process (us)" "$far" "$near" "$(calc %.1f "$far / $near") of one process"
}

# calls_us NODE: one call of it by another node, one after another.
calls_us() {
    curl -fsS -H 'Content-Type: application/json' -d "{\"node\":\"$1\",\"rounds\":20000}" "http://127.0.0.1:$PORT/calls" |
        jq -r '.us_a_call * 100 | round / 100'
}

measure_requests() {
    local near far
    printf 'wrk.method = "POST"\nwrk.body = "{\\"name\\":\\"Ada\\"}"\nwrk.headers["Content-Type"] = "application/json"\n' >"$DIR/post.lua"
    near=$(requests_per_s -s "$DIR/post.lua" "http://127.0.0.1:$PORT_GREETER/greet")
    far=$(requests_per_s -s "$DIR/post.lua" "http://127.0.0.1:$PORT_GREETER_APART/greet")
    row "an operation in its own process (requests/s)" "$(calc %.0f "$far")" "$(calc %.0f "$near")" "$(calc %.2f "$far / $near") of one process"
}

best_of_3() { { "$@" && "$@" && "$@"; } | sort -n | head -n 1; }

cats_s() {
    local start
    start=$(now)
    # shellcheck disable=SC2002  # The pipe is what is measured.
    cat "$DIR/blob" | cat >/dev/null
    since "$start"
    echo
}

# pass_s PORT: 1 GiB there and back.
pass_s() {
    local start
    start=$(now)
    curl -fsS -X POST -H 'Content-Type: application/octet-stream' -H 'Expect:' -T "$DIR/blob" "http://127.0.0.1:$1/pass" >/dev/null
    since "$start"
    echo
}

measure_stream() {
    local pipe near far
    truncate -s 1G "$DIR/blob"
    cat "$DIR/blob" >/dev/null
    pipe=$(best_of_3 cats_s)
    near=$(best_of_3 pass_s "$PORT")
    far=$(best_of_3 pass_s "$PORT_PASSER_APART")
    rm -f "$DIR/blob"
    row "1 GiB by HTTP through a plugin (MB/s)" "$(rate "$near")" "$(rate "$pipe")" "$(calc %.2f "$pipe / $near") of a pipe of two cats"
    row "the same, plugin in its own process (MB/s)" "$(rate "$far")" "$(rate "$pipe")" "$(calc %.2f "$pipe / $far") of a pipe of two cats"
}
rate() { calc %.0f "1073.74 / $1"; }

BROKEN=()
# bound WHAT VALUE MOST: what holds on any machine, however slow.
bound() { awk "BEGIN {exit !($2 <= $3)}" || BROKEN+=("$1: $2, at most $3 is allowed"); }

measure_reloads() {
    local n
    "$BIN/onex_bench_reload" "${ONEX_BENCH_RELOADS:-1000}" >"$DIR/reloads"
    n=$(told %d reloads)
    row "failed requests of $n reloads under load" "$(told %d failed)" "0" "of $(told %d requests); bound"
    row "wrong answers of $n reloads under load" "$(told %d wrong)" "0" "version, count; bound"
    row "one reload, median (ms)" "$(told %.1f reload_p50_ms)" "-" "p99 $(told %.1f reload_p99_ms) ms"
    row "gate closed and one request, median (ms)" "$(told %.2f gate_p50_ms)" "-" "p99 $(told %.2f gate_p99_ms) ms"
    row "memory growth over them (KiB)" "$(told %+d growth_kib)" "1024" "over $(told %d memory_kib) KiB; bound"
    row "images of them that stay mapped" "$(told %d images_mapped)" "0" "bound"
    row "last write until it serves, median (ms)" "$(told %.0f watch_p50_ms)" "500" "longest $(told %.0f watch_max_ms) ms"
    bound "failed requests of $n reloads" "$(told %d failed)" 0
    bound "wrong answers of $n reloads" "$(told %d wrong)" 0
    bound "memory growth over $n reloads (KiB)" "$(told %d growth_kib)" 1024
    bound "images of $n reloads that stay mapped" "$(told %d images_mapped)" 0
}
told() { calc "$1" "$(value reloads "$2")"; }

# The same for a plugin that has a process of its own, which is what plugins of others get.
measure_reloads_apart() {
    local n
    "$BIN/onex_bench_reload" "$((${ONEX_BENCH_RELOADS:-1000} / 5))" process >"$DIR/reloads"
    n=$(told %d reloads)
    row "failed or wrong of $n reloads, own process" "$(($(told %d failed) + $(told %d wrong)))" "0" "of $(told %d requests); bound"
    row "one reload, own process, median (ms)" "$(told %.1f reload_p50_ms)" "-" "p99 $(told %.1f reload_p99_ms) ms"
    row "gate and one request, own process, med. (ms)" "$(told %.2f gate_p50_ms)" "-" "p99 $(told %.2f gate_p99_ms) ms"
    row "last write until it serves, own process (ms)" "$(told %.0f watch_p50_ms)" "500" "longest $(told %.0f watch_max_ms) ms"
    bound "failed requests of $n reloads, own process" "$(told %d failed)" 0
    bound "wrong answers of $n reloads, own process" "$(told %d wrong)" 0
}

# The plugins of this project, each replaced by a file that differs in its last byte only.
measure_own_plugins() {
    local node left
    for node in $OWN; do
        cp "$DIR/plugins/$node.so" "$DIR/next.so"
        printf 'x' >>"$DIR/next.so"
        mv "$DIR/next.so" "$DIR/plugins/$node.so"
        cli plugin reload "$node" >/dev/null || die "$node was not reloaded"
    done
    wait_until 30 nothing_retires || true
    left=$(cli plugin list --json | jq '[.nodes[] | .retiring + .images_mapped] | add')
    row "own plugins that stay mapped after a reload" "$left" "0" "of $(echo "$OWN" | wc -w); bound"
    bound "own plugins that stay mapped after a reload" "$left" 0
}
nothing_retires() { [ "$(cli plugin list --json | jq '[.nodes[].retiring] | add')" = 0 ]; }

# build OUTPUT COMMAND…: builds and strips OUTPUT, and leaves the seconds in $BUILT_S.
build() {
    local output=$1 start
    shift
    start=$(now)
    "$@" >"$DIR/build.log" 2>&1 || { cat "$DIR/build.log" >&2; die "it does not build: $*"; }
    BUILT_S=$(since "$start")
    strip "$output"
}
bytes_of() { wc -c <"$1" | tr -d ' '; }

measure_example() {
    local compiler flags example=tests/abi/plugins/cpp plugin_s plugin beast
    compiler=$(awk -F= '/^CMAKE_CXX_COMPILER:/ {print $2}' "$BUILD/CMakeCache.txt")
    flags=(-O2 -fPIC -fvisibility=hidden -std=c++23 -Wall -Wextra -Wpedantic -Werror)
    cmake -DINPUT="$example/example_cpp.yaml" -DOUTPUT="$DIR/contract.c" -DNAME=onex_contract_text -P api/onex_embed_text.cmake
    "$compiler" -x c -fPIC -c "$DIR/contract.c" -o "$DIR/contract.o"
    build "$DIR/example.so" "$compiler" "${flags[@]}" -Iapi -shared "$example/example_cpp.cpp" "$DIR/contract.o" -o "$DIR/example.so"
    plugin_s=$BUILT_S
    plugin=$(bytes_of "$DIR/example.so")
    build "$DIR/beast" "$compiler" "${flags[@]}" tests/bench/beast_lines.cpp -o "$DIR/beast" -pthread
    beast=$(bytes_of "$DIR/beast")
    row "the C++ example, compile and link (s)" "$plugin_s" "$BUILT_S" "$(calc %.2f "$plugin_s / $BUILT_S") of Beast directly"
    row "the C++ example, stripped (KiB)" "$((plugin / 1024))" "$((beast / 1024))" "$(calc %.2f "$plugin / $beast") of Beast directly"
}

[ "$(uname -s)" = Linux ] || die "the benchmarks read /proc; run them on Linux"
[ ! -e "$DIR" ] || die "build/bench-platform exists; another run is going on, or remove it"
trap clean_up EXIT
write_config
"$BIN/onex-host" run --config "$DIR/host.toml" >"$DIR/log" 2>&1 &
echo $! >"$DIR/pid"
wait_until 30 answers || { tail -n 20 "$DIR/log" >&2; die "the host did not start"; }

printf '\nPlugins: what they cost, and what replacing them does\n\n'
head_row
measure_calls
measure_requests
measure_stream
measure_own_plugins
measure_example
end_process "$(cat "$DIR/pid")" 20
measure_reloads
measure_reloads_apart
if [ ${#BROKEN[@]} -gt 0 ]; then
    printf 'broken bound: %s\n' "${BROKEN[@]}" >&2
    exit 1
fi
