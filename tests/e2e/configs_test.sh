#!/usr/bin/env bash
# config/laptop.toml and config/mac-studio.toml as they are, on two machines that own their addresses: network
# namespaces, each with a /var/lib of its own. Both doctors find everything well.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${ONEX_BUILD_DIR:?names the build folder}/bin/onex-host
. "$source/tests/lab/common.sh"

skip() {
    echo "skipped: $1"
    exit 77
}
[ "$(uname -s)" = Linux ] || skip "network namespaces are Linux's"
[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
have ip && have unshare || skip "the programs ip and unshare are needed"
[ -z "${ONEX_TEST_DOCKER_SOCKET:-}" ] || export DOCKER_HOST="unix://$ONEX_TEST_DOCKER_SOCKET"
docker version >/dev/null 2>&1 || skip "no Docker engine answers"

work=$(mktemp -d)
nobody_in() { [ -z "$(ip netns pids "$1" 2>/dev/null)" ]; }
end() {
    local where
    for where in "onex-l$$" "onex-s$$"; do
        # The host is all that runs in there; its parents here are only shells.
        ip netns pids "$where" 2>/dev/null | xargs -r kill 2>/dev/null || true
        wait_until 20 nobody_in "$where" || ip netns pids "$where" | xargs -r kill -KILL || true
        ip netns delete "$where" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap end EXIT
ip netns add "onex-l$$" 2>/dev/null || skip "this machine makes no network namespaces"
ip netns add "onex-s$$"
ip -n "onex-l$$" link add cable type veth peer name cable netns "onex-s$$" || skip "this machine makes no veth pairs"
plug() { # plug NAMESPACE ADDRESS
    ip -n "$1" link set lo up
    ip -n "$1" address add "$2/24" dev cable
    ip -n "$1" link set cable up
}
plug "onex-l$$" 192.168.86.101
plug "onex-s$$" 192.168.86.200

ONEX_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
ONEX_KEY_MAC_STUDIO=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export ONEX_TOKEN ONEX_KEY_MAC_STUDIO

on() { # on NAMESPACE ARGUMENTS…: onex-host there
    local where=$1
    shift
    mkdir -p "$work/$where"
    # shellcheck disable=SC2016  # The inner shell expands them.
    ip netns exec "$where" unshare --mount --propagation private \
        sh -c 'mount --bind "$1" /var/lib; shift; exec "$@"' sh "$work/$where" "$program" "$@"
}
begin() { # begin NAMESPACE FILE
    on "$1" run --config "$source/config/$2" >"$work/$1.log" 2>&1 &
}
begin "onex-l$$" laptop.toml
begin "onex-s$$" mac-studio.toml

expect_well() { # expect_well NAMESPACE FILE
    if ! wait_until 30 on "$1" doctor --config "$source/config/$2" >"$work/doctor" 2>&1; then
        on "$1" doctor --config "$source/config/$2" || true
        tail -n 20 "$work/$1.log"
        echo "the doctor of $2 found something wrong"
        exit 1
    fi
    on "$1" doctor --config "$source/config/$2"
}
expect_well "onex-l$$" laptop.toml
expect_well "onex-s$$" mac-studio.toml
