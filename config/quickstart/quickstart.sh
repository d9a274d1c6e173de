# shellcheck shell=bash
# ./x quickstart: two hosts on this machine, a sample service, a deployment; sourced by ./x.
#
# Everything it makes is in build/quickstart, in Docker under names that begin with "onex" or carry the label
# of the quickstart's namespaces, or is the image "sample:vN". quickstart_stop removes all of it.

QS_DIR=$PWD/build/quickstart
QS_BIN=${ONEX_BUILD_DIR:-$PWD/build}/bin/onex-host
QS_SAMPLE=config/quickstart/sample
QS_BASE=onex-quickstart/base:1
QS_PORT=18080
QS_NAMESPACES="quickstart-laptop quickstart-studio"

quickstart_prepare() {
    if [ -z "${ONEX_BUILD_DIR:-}" ]; then build_preset "$(default_preset)"; fi
    ensure_engine quickstart
    (umask 077 && mkdir -p "$QS_DIR")
    make_secret "$QS_DIR/peer.key"
    make_secret "$QS_DIR/token"
    make_base_image
    start_host mac-studio 8001 8061
    start_host laptop 8060
}

make_secret() {
    [ ! -f "$1" ] || return 0
    (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$1")
}

# The sample's base image: a static busybox, imported, so that nothing is pulled from anywhere.
make_base_image() {
    ! docker image inspect "$QS_BASE" >/dev/null 2>&1 || return 0
    if [ "$(uname -s)" = Darwin ]; then
        tag_busybox
        return 0
    fi
    local root="$QS_DIR/base"
    rm -rf "$root"
    mkdir -p "$root/bin"
    cp /bin/busybox "$root/bin/busybox"
    ln -s busybox "$root/bin/sh"
    tar -C "$root" -c bin | docker import - "$QS_BASE" >/dev/null || die "docker could not import the sample's base image"
    rm -rf "$root"
}

# A Mac has no busybox of Linux to import. A pulled one keeps only the quickstart's name, so that --stop, which
# goes by names, removes it, and never one that was there before.
tag_busybox() {
    local pulled=''
    if ! docker image inspect busybox:stable >/dev/null 2>&1; then
        docker pull -q busybox:stable >/dev/null || die "docker could not pull busybox:stable for the sample"
        pulled=yes
    fi
    docker tag busybox:stable "$QS_BASE" || die "docker could not tag busybox:stable for the sample"
    [ -z "$pulled" ] || docker rmi busybox:stable >/dev/null || die "docker could not untag busybox:stable"
}

# host_runs NAME: the process that start_host started for it lives.
host_runs() { [ -f "$QS_DIR/$1.pid" ] && is_process "$(cat "$QS_DIR/$1.pid")" "config/quickstart/$1.toml"; }
host_answers() { "$QS_BIN" status --config "config/quickstart/$1.toml" >/dev/null 2>&1; }
host_decided() { host_answers "$1" || ! alive "$2"; }

# start_host NAME PORT…: starts that host unless it runs already with this very program.
start_host() {
    local name=$1 pid_file="$QS_DIR/$1.pid" port pid
    shift
    if host_runs "$name"; then
        [ "$QS_BIN" -nt "$pid_file" ] || return 0
        say "the program is newer than the running host $name; restarting it"
        end_process "$(cat "$pid_file")" 30
    fi
    for port in "$@"; do
        ! port_taken "$port" || die "port $port on 127.0.0.1 is taken; the host $name needs it, so stop what uses it"
    done
    # In the background for good: a Ctrl-C here is not meant for it.
    (
        trap '' INT HUP
        exec "$QS_BIN" run --config "config/quickstart/$name.toml" >>"$QS_DIR/$name.log" 2>&1 </dev/null
    ) &
    pid=$!
    echo "$pid" >"$pid_file"
    wait_until 30 host_decided "$name" "$pid" || true
    if ! host_answers "$name"; then
        tail -n 10 "$QS_DIR/$name.log" >&2
        die "the host $name did not start; its log is build/quickstart/$name.log"
    fi
    say "host $name runs (pid $pid, log build/quickstart/$name.log)"
}

# deploy_sample VERSION [FLAGS…]
deploy_sample() {
    local version=$1
    shift
    "$QS_BIN" deploy sample --config config/quickstart/laptop.toml --to mac-studio --context "$QS_SAMPLE" \
        --tag "v$version" --build-arg "VERSION=$version" --port "$QS_PORT:8080" --health-path /health \
        --health-interval-ms 500 "$@"
}

fetch_page() { curl -fsS --max-time 5 "http://127.0.0.1:$QS_PORT/"; }
latest_version() { cat "$QS_DIR/version" 2>/dev/null || echo 0; }

quickstart_deploy() {
    local version page
    version=$(($(latest_version) + 1))
    if [ "$version" -eq 1 ] && port_taken "$QS_PORT"; then
        die "port $QS_PORT on 127.0.0.1 is taken; the sample needs it, so stop what uses it"
    fi
    say "deploying sample version $version from laptop to mac-studio"
    deploy_sample "$version" || die "the deployment failed; the logs are in build/quickstart/"
    echo "$version" >"$QS_DIR/version"
    page=$(fetch_page) || die "version $version is deployed, but http://127.0.0.1:$QS_PORT does not answer"
    say "http://127.0.0.1:$QS_PORT answers: $page"
    cat <<NEXT

look further:
  build/bin/onex-host status --config config/quickstart/laptop.toml
  build/bin/onex-host history --config config/quickstart/laptop.toml
  http://127.0.0.1:8060/docs and http://127.0.0.1:8001/docs
next: ./x quickstart (a new version) · ./x quickstart --break (see a rollback) · ./x quickstart --stop
NEXT
}

quickstart_break() {
    local version before after
    [ "$(latest_version)" -gt 0 ] || quickstart_deploy
    version=$(($(latest_version) + 1))
    before=$(fetch_page) || die "nothing answers on port $QS_PORT; ./x quickstart deploys a version that does"
    say "now answering: $before"
    say "deploying version $version, whose health check fails"
    if deploy_sample "$version" --build-arg HEALTH=broken --health-retries 3; then
        die "version $version should have failed its health check, but it was deployed"
    fi
    after=$(fetch_page) || die "nothing answers on port $QS_PORT after the rollback"
    [ "$before" = "$after" ] || die "after the rollback '$after' answers, not '$before'"
    say "rolled back; the old version answers again: $after"
}

quickstart_stop() {
    local name
    for name in laptop mac-studio; do
        if host_runs "$name"; then
            say "stopping the host $name"
            end_process "$(cat "$QS_DIR/$name.pid")" 30
        fi
    done
    if ONEX_ENGINE_SOCKET=$(find_engine); then
        export DOCKER_HOST="unix://$ONEX_ENGINE_SOCKET"
        remove_from_docker
    elif [ -d "$QS_DIR" ] && ! own_engine_of quickstart; then
        die "no Docker engine answers, so the sample is still in it; start Docker, then run this again"
    fi
    rm -rf "$QS_DIR"
    stop_own_engine quickstart
    say "nothing of the quickstart is left"
}

# Only what carries the quickstart's names; an image goes by its tags, never by its id.
remove_from_docker() {
    local namespace tag
    for namespace in $QS_NAMESPACES; do
        docker ps -aq --filter "label=onex.namespace=$namespace" | xargs docker rm -f -v >/dev/null 2>&1 || true
        docker volume ls -q --filter "label=onex.namespace=$namespace" | xargs docker volume rm >/dev/null 2>&1 || true
    done
    docker image ls --format '{{.Repository}}:{{.Tag}}' |
        grep -E '^(onex/quickstart-(laptop|studio)/|onex-transfer/sample:|sample:v[0-9]+$|onex-quickstart/)' |
        while read -r tag; do docker rmi "$tag" >/dev/null 2>&1 || true; done || true
}
