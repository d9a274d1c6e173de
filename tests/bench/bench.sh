#!/usr/bin/env bash
# ./x bench: two hosts on this machine, images of several sizes, then plugins; three tables. Measures; never
# fails on time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/lab/common.sh
. tests/lab/packages.sh
. tests/lab/docker.sh
. tests/bench/common.sh

DIR=$PWD/build/bench
BUILD=${ONEX_BUILD_DIR:-$PWD/build}
BIN=$BUILD/bin
PORT_LAPTOP=$(free_port 18160)
PORT_STUDIO=$(free_port 18260)
PORT_GREETER=$(free_port 18360)
PORT_CONTAINERS=$(free_port 18460)

write_configs() {
    mkdir -p "$DIR"
    (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$DIR/key")
    cat >"$DIR/laptop.toml" <<TOML
[host]
name = "bench-laptop"
data_dir = "laptop"
token = "file:key"
plugin_dirs = ["$BUILD/lib/onex/plugins", "$BUILD/tests/plugins"]
[nodes.orchestrator]
plugin = "orchestrator"
listen = "127.0.0.1:$PORT_LAPTOP"
[nodes.deployment_sender]
plugin = "deployment_sender"
[nodes.greeter]
plugin = "greeter"
listen = "127.0.0.1:$PORT_GREETER"
isolation = "inproc"
[peers.bench-studio]
url = "http://127.0.0.1:$PORT_STUDIO"
key = "file:key"
TOML
    cat >"$DIR/studio.toml" <<TOML
[host]
name = "bench-studio"
data_dir = "studio"
[nodes.orchestrator]
plugin = "orchestrator"
[nodes.deployment_receiver]
plugin = "deployment_receiver"
listen = "127.0.0.1:$PORT_STUDIO"
[peers.bench-laptop]
url = "http://127.0.0.1:$PORT_LAPTOP"
key = "file:key"
TOML
}

answers() { "$BIN/onex-host" status --config "$DIR/$1.toml" >/dev/null 2>&1; }
healthy() { curl -fsS -o /dev/null --max-time 1 "http://127.0.0.1:$1/health" 2>/dev/null; }

start_host() {
    "$BIN/onex-host" run --config "$DIR/$1.toml" >"$DIR/$1.log" 2>&1 &
    echo $! >"$DIR/$1.pid"
    wait_until 30 answers "$1" || { tail -n 20 "$DIR/$1.log" >&2; die "the host $1 did not start"; }
}

clean_up() {
    local name tag
    for name in laptop studio; do
        if [ -f "$DIR/$name.pid" ]; then end_process "$(cat "$DIR/$name.pid")" 20; fi
    done
    docker ps -aq --filter label=onex.namespace=bench-studio | xargs docker rm -f -v >/dev/null 2>&1 || true
    docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -E '^(onex/bench-|onex-bench/|onex-transfer/bench)' |
        while read -r tag; do docker rmi "$tag" >/dev/null 2>&1 || true; done || true
    rm -rf "$DIR"
}

# make_image TAG MEGABYTES: busybox and a file of which every other megabyte can be compressed away.
make_image() {
    local root="$DIR/root"
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/data"
    cp /bin/busybox "$root/bin/busybox"
    head -c "$(($2 / 2))M" /dev/urandom >"$root/data/random"
    head -c "$(($2 - $2 / 2))M" /dev/zero >"$root/data/zero"
    tar -C "$root" -c bin data | docker import - "onex-bench/raw:$1" >/dev/null
    rm -rf "$root"
    printf 'FROM onex-bench/raw:%s\nSTOPSIGNAL SIGKILL\nCMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/bin"]\n' "$1" |
        docker build -q -t "onex-bench/image:$1" - >/dev/null 2>&1
}

# deploy NAME FLAGS…: prints the JSON report; what went wrong stays in its file.
deploy() {
    local name=$1
    shift
    "$BIN/onex-host" deploy "$name" --config "$DIR/laptop.toml" --json "$@" >"$DIR/$name.json" || {
        cat "$DIR/$name.json" >&2
        die "the deployment of $name failed"
    }
}
field() { jq -r "$2 // 0" "$DIR/$1.json"; }
stage_s() { jq -r "[.stages[] | select(.stage_name == \"$2\") | .duration_ms][0] // 0 | . / 1000" "$DIR/$1.json"; }
operation_s() { jq -r "[.stages[].operations[] | select(.operation_name == \"$2\") | .duration_ms][0] // 0 | . / 1000" "$DIR/$1.json"; }

rss_kb() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
peak_kb() { awk '/^VmHWM/ {print $2}' "/proc/$1/status"; }

measure_memory() {
    local laptop studio before_l before_s
    laptop=$(cat "$DIR/laptop.pid")
    studio=$(cat "$DIR/studio.pid")
    before_l=$(rss_kb "$laptop")
    before_s=$(rss_kb "$studio")
    echo 5 >"/proc/$laptop/clear_refs" # starts the peak anew
    echo 5 >"/proc/$studio/clear_refs"
    deploy bench-large --image onex-bench/image:1900 --skip-health
    row "memory of the sender, 1.9 GB passing (MiB)" "+$((($(peak_kb "$laptop") - before_l) / 1024))" "64" "growth over $((before_l / 1024)) MiB; bound"
    row "memory of the receiver, 1.9 GB passing (MiB)" "+$((($(peak_kb "$studio") - before_s) / 1024))" "64" "growth over $((before_s / 1024)) MiB; bound"
}

# The same image by the usual pipe. Both ways load into an engine that has the layers already.
measure_stream() {
    local bytes ours start pipe
    bytes=$(docker image inspect -f '{{.Size}}' onex-bench/image:1900)
    ours=$(calc %.3f "$(operation_s bench-large send_deployment_request) + $(operation_s bench-large deploy_container)")
    start=$(now)
    docker save onex-bench/image:1900 | zstd -q -3 -T1 | zstd -q -d | docker load >/dev/null
    pipe=$(since "$start")
    row "stream and load 1.9 GB (MB/s)" "$(calc %.0f "$bytes / 1e6 / $ours")" "$(calc %.0f "$bytes / 1e6 / $pipe")" \
        "$(calc %.2f "$pipe / $ours") of save, zstd and load"
}

measure_blake3() {
    local ours one many start
    head -c 512M /dev/urandom >"$DIR/blob"
    cat "$DIR/blob" >/dev/null
    ours=$("$BIN/onex_bench" blake3 "$DIR/blob" 2>/dev/null)
    start=$(now); b3sum --num-threads 1 "$DIR/blob" >/dev/null; one=$(since "$start")
    start=$(now); b3sum "$DIR/blob" >/dev/null; many=$(since "$start")
    rm -f "$DIR/blob"
    row "BLAKE3, one thread (MB/s)" "$(calc %.0f "536.87 / $ours")" "$(calc %.0f "536.87 / $one")" "$(calc %.2f "$one / $ours") of b3sum, 1 thread"
    row "BLAKE3, beside b3sum on all cores (MB/s)" "$(calc %.0f "536.87 / $ours")" "$(calc %.0f "536.87 / $many")" "$(calc %.2f "$many / $ours") of b3sum"
}

measure_requests() {
    local operation health
    printf 'wrk.method = "POST"\nwrk.body = "{\\"name\\":\\"Ada\\"}"\nwrk.headers["Content-Type"] = "application/json"\n' >"$DIR/post.lua"
    operation=$(requests_per_s -s "$DIR/post.lua" "http://127.0.0.1:$PORT_GREETER/greet")
    health=$(requests_per_s "http://127.0.0.1:$PORT_GREETER/health")
    row "a trivial operation (requests/s)" "$(calc %.0f "$operation")" "$(calc %.0f "$health")" "$(calc %.2f "$operation / $health") of GET /health"
}

measure_start() {
    local start
    end_process "$(cat "$DIR/studio.pid")" 20
    start=$(now)
    "$BIN/onex-host" run --config "$DIR/studio.toml" >>"$DIR/studio.log" 2>&1 &
    echo $! >"$DIR/studio.pid"
    wait_until 30 healthy "$PORT_STUDIO" || die "the studio did not come back"
    START_S=$(since "$start")
    row "start until /health answers (s)" "$START_S" "2" "$(calc %.2f "$START_S / 2") of the bound"
}

# ask_on PORT: asks without a pause, and writes down when there was an answer.
ask_on() {
    while [ ! -e "$DIR/asked_enough" ]; do
        if curl -fsS -o /dev/null --max-time 1 "http://127.0.0.1:$1/busybox" 2>/dev/null; then now; fi
    done >"$DIR/answered"
}
longest_gap_ms() { awk 'NR > 1 && $1 - last > gap {gap = $1 - last} {last = $1} END {printf "%.0f", gap * 1000}' "$DIR/answered"; }

target() { printf '| %-44s | %14s | %14s |\n' "$@"; }

targets_table() {
    local start rollback_s asker
    printf '\nThe original'"'"'s targets, and what was measured here\n\n'
    target "what" "target" "measured"
    target "--------------------------------------------" "-------------:" "-------------:"
    deploy bench-built --context "$DIR/context" --port "$PORT_CONTAINERS:8080" --health-path /busybox --health-interval-ms 200
    deploy bench-small --image onex-bench/image:100 --port "$((PORT_CONTAINERS + 1)):8080" --health-path /busybox --health-interval-ms 200
    deploy bench-gb --image onex-bench/image:1000 --port "$((PORT_CONTAINERS + 2)):8080" --health-path /busybox --health-interval-ms 200
    target "deployment of up to 100 MB" "< 30 s" "$(calc "%.1f s" "$(field bench-small .duration_ms) / 1000")"
    target "deployment of up to 1 GB" "< 180 s" "$(calc "%.1f s" "$(field bench-gb .duration_ms) / 1000")"
    target "stage package_preparation (100 MB)" "10 s" "$(stage_s bench-small package_preparation) s"
    target "stage transfer_initiation (100 MB)" "5 s" "$(stage_s bench-small transfer_initiation) s"
    target "stage deployment_execution (100 MB)" "10 s" "$(stage_s bench-small deployment_execution) s"
    target "stage health_validation (100 MB)" "5 s" "$(stage_s bench-small health_validation) s"
    target "build of a small image" "< 20 s" "$(operation_s bench-built build_docker_image) s"
    target "1 GB sent" "< 10 s" "$(operation_s bench-gb send_deployment_request) s"
    target "load (100 MB)" "< 3 s" "$(operation_s bench-small deploy_container) s"
    target "start of a container" "< 2 s" "$(operation_s bench-small start_container) s"
    target "authentication" "< 100 ms" "$(calc "%.3f ms" "$("$BIN/onex_bench" authenticate)")"
    target "event publish, committed" "< 50 ms" "$(calc "%.2f ms" "$("$BIN/onex_bench" publish "$DIR")")"
    ask_on "$PORT_CONTAINERS" &
    asker=$!
    deploy bench-built --context "$DIR/context" --build-arg VERSION=2 --tag v2 --port "$PORT_CONTAINERS:8080" --health-path /busybox --health-interval-ms 200
    touch "$DIR/asked_enough"
    wait "$asker"
    target "requests that found nobody at a rename-and-swap" "-" "$(longest_gap_ms) ms long"
    start=$(now)
    "$BIN/onex-host" rollback bench-built --config "$DIR/laptop.toml" >/dev/null || die "the rollback failed"
    rollback_s=$(since "$start")
    target "rollback" "< 300 s" "$rollback_s s"
    target "deployments in an hour, one after another" "> 100" "$(calc %.0f "3600000 / $(field bench-built .duration_ms)")"
}

[ "$(uname -s)" = Linux ] || die "the benchmarks read /proc; run them on Linux"
[ ! -e "$DIR" ] || die "build/bench exists; another run is going on, or remove it"
trap clean_up EXIT
write_configs
say "making images of 100 MB, 1 GB and 1.9 GB"
make_image 100 100
make_image 1000 1000
make_image 1900 1900
mkdir "$DIR/context"
# shellcheck disable=SC2016  # The builder expands it.
printf 'FROM onex-bench/image:100\nARG VERSION=1\nENV VERSION=$VERSION\n' >"$DIR/context/Dockerfile"
say "starting two hosts"
start_host studio
start_host laptop

printf '\n%s, %s cores\n\n' "$(uname -srm)" "$(processor_count)"
head_row
measure_memory
measure_stream
measure_blake3
measure_requests
measure_start
targets_table
for name in laptop studio; do end_process "$(cat "$DIR/$name.pid")" 20; done
bash tests/bench/platform.sh
bash tests/bench/durable.sh
