# shellcheck shell=bash
# Small words for the scripts of this project; sourced, never run.

say() { printf '» %s\n' "$*"; }
die() { printf 'x: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

processor_count() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

can_be_root() { [ "$(id -u)" -eq 0 ] || have sudo; }

# as_root COMMAND…: runs it as root, or says in one sentence why that is not possible.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "'$1' needs root; run this as root, or install sudo"
    fi
}

# wait_until SECONDS COMMAND…: true as soon as the command is, false when the time is over.
wait_until() {
    local deadline=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# is_process PID TEXT: that process lives and has the text in its command line. For a pid out of a file: after
# a restart of the machine it may be anybody's.
is_process() {
    local command
    if [ -r "/proc/$1/cmdline" ]; then
        command=$(tr '\0' ' ' <"/proc/$1/cmdline")
    else
        command=$(ps -p "$1" -o args= 2>/dev/null) || return 1
    fi
    case $command in *"$2"*) ;; *) return 1 ;; esac
}

alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }

# end_process PID [SECONDS]: asks it to stop, waits, and insists.
end_process() {
    alive "$1" || return 0
    kill -TERM "$1" 2>/dev/null || return 0
    wait_until "${2:-20}" gone "$1" && return 0
    kill -KILL "$1" 2>/dev/null || true
    wait_until 5 gone "$1" || true
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: the first port from FIRST on at which nothing answers.
free_port() {
    local port=$1
    while port_taken "$port"; do port=$((port + 1)); done
    echo "$port"
}
