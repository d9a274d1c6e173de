# shellcheck shell=bash
# A Docker engine to work with: the one that answers, or one started here; sourced by ./x.
#
# Sets ONEX_ENGINE_SOCKET. An engine started here keeps everything in build/lab/docker and is remembered by
# its pid file, so that stop_own_engine ends exactly that one and leaves nothing of it.

LAB_DIR=$PWD/build/lab

engine_answers() { docker -H "unix://$1" version >/dev/null 2>&1; }

# The socket of an engine that answers, or nothing.
find_engine() {
    local socket
    case ${DOCKER_HOST:-} in unix://*) set -- "${DOCKER_HOST#unix://}" ;; *) set -- ;; esac
    for socket in "$@" /var/run/docker.sock "$HOME/.docker/run/docker.sock" \
        "$HOME/.colima/default/docker.sock" "$HOME/.orbstack/run/docker.sock"; do
        if [ -S "$socket" ] && engine_answers "$socket"; then
            printf '%s\n' "$socket"
            return 0
        fi
    done
    return 1
}

# ensure_engine OWNER: the engine, if one has to be started, belongs to OWNER.
ensure_engine() {
    local owner=$1
    install_packages docker
    if ONEX_ENGINE_SOCKET=$(find_engine); then
        export ONEX_ENGINE_SOCKET DOCKER_HOST="unix://$ONEX_ENGINE_SOCKET"
        return 0
    fi
    [ "$(uname -s)" != Darwin ] || die "no Docker engine answers; start Docker Desktop, Colima or OrbStack"
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        die "the Docker engine here does not let you in; join the group docker and log in again, or run this as root"
    fi
    if [ -d /run/systemd/system ]; then
        say "starting Docker"
        as_root systemctl start docker || die "systemctl could not start docker; see journalctl -u docker"
    else
        start_own_engine "$owner"
    fi
    wait_until 60 find_engine >/dev/null || {
        if [ -f "$LAB_DIR/dockerd.log" ]; then tail -n 5 "$LAB_DIR/dockerd.log" >&2; fi
        die "no Docker engine answers after 60 s; start one, or run this as root"
    }
    ONEX_ENGINE_SOCKET=$(find_engine)
    export ONEX_ENGINE_SOCKET DOCKER_HOST="unix://$ONEX_ENGINE_SOCKET"
}

start_own_engine() {
    have dockerd || die "dockerd is missing; install Docker Engine (Debian: docker.io)"
    [ "$(id -u)" -eq 0 ] || die "no Docker engine answers, and only root can start one; run this as root"
    say "starting a Docker engine for this checkout (log: build/lab/dockerd.log)"
    mkdir -p "$LAB_DIR"
    echo "$1" >"$LAB_DIR/owner"
    # The exec root holds sockets, whose paths may not be long; hence a short folder of its own.
    mktemp -d /tmp/onex-lab.XXXXXX >"$LAB_DIR/exec_root"
    ip link show docker0 >/dev/null 2>&1 || touch "$LAB_DIR/made_docker0"
    # In the background for good: it outlives ./x quickstart, and a Ctrl-C there is not meant for it.
    (
        trap '' INT
        exec setsid dockerd -H unix:///var/run/docker.sock --data-root "$LAB_DIR/docker" \
            --exec-root "$(cat "$LAB_DIR/exec_root")" --pidfile "$LAB_DIR/docker.pid" \
            >"$LAB_DIR/dockerd.log" 2>&1 </dev/null
    ) &
}

# Whether an engine was started here for this owner, be it dead or alive.
own_engine_of() { [ "$(cat "$LAB_DIR/owner" 2>/dev/null)" = "$1" ]; }

# stop_own_engine OWNER [quietly]: ends the engine that was started for OWNER, if there is one, and removes
# its files.
stop_own_engine() {
    own_engine_of "$1" || return 0
    local pid
    pid=$(cat "$LAB_DIR/docker.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && is_process "$pid" "$LAB_DIR/docker"; then
        [ "${2:-}" = quietly ] || say "stopping the Docker engine that was started here"
        end_process "$pid" 30
    fi
    if [ -f "$LAB_DIR/made_docker0" ]; then ip link delete docker0 2>/dev/null || true; fi
    rm -rf "$LAB_DIR/docker" "$(cat "$LAB_DIR/exec_root")"
    rm -rf "$LAB_DIR"
}
