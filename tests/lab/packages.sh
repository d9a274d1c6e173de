# shellcheck shell=bash
# shellcheck disable=SC2034  # The lists are read by name, in install_debian and install_brew.
# What has to be installed, in one place; sourced by ./x.

# Debian 12. BLAKE3's C sources come with the Rust package: Debian 12 has no libblake3-dev.
DEBIAN_BUILD="git ca-certificates cmake ninja-build pkg-config g++ clang-19 mold libboost1.81-dev libssl-dev
    libzstd-dev zlib1g-dev libyaml-cpp-dev libvalijson-dev libre2-dev libsqlite3-dev libpqxx-dev
    prometheus-cpp-dev libcli11-dev libspdlog-dev libtomlplusplus-dev libgtest-dev librust-blake3-dev"
DEBIAN_LINT="clang-format-19 clang-tidy-19 shellcheck"
DEBIAN_DOCKER="docker.io iptables busybox-static curl"
DEBIAN_TEST="$DEBIAN_DOCKER postgresql prometheus iproute2 procps libclang-rt-19-dev doxygen"
# The example plugin in Rust; whichever toolchain is there will do.
command -v cargo >/dev/null 2>&1 || DEBIAN_TEST="$DEBIAN_TEST cargo rustc"
DEBIAN_BENCH="$DEBIAN_DOCKER wrk b3sum zstd procps jq"

# macOS, by Homebrew. The engine is whichever the person has: Docker Desktop, Colima, OrbStack.
BREW_BUILD="cmake ninja pkg-config boost openssl@3 zstd yaml-cpp valijson re2 sqlite libpqxx
    prometheus-cpp cli11 spdlog tomlplusplus googletest blake3"
BREW_LINT="clang-format shellcheck"
BREW_DOCKER="docker"
BREW_TEST="$BREW_DOCKER postgresql@15 prometheus doxygen rust"
BREW_BENCH="$BREW_DOCKER wrk b3sum jq"

# install_packages build|lint|docker|test|bench: installs what is missing of that group, and says so.
install_packages() {
    local group
    group=$(printf '%s' "$1" | tr '[:lower:]' '[:upper:]')
    if [ "$(uname -s)" = Darwin ]; then
        install_brew "BREW_$group"
    elif have apt-get && have dpkg-query; then
        install_debian "DEBIAN_$group"
    fi # Elsewhere CMake names the first library that is missing.
}

install_debian() {
    local wanted=${!1} missing='' package
    for package in $wanted; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    local log
    log=$(mktemp)
    # shellcheck disable=SC2086  # One word a package is what apt-get wants.
    if ! { as_root apt-get -q update && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        die "apt-get could not install$missing (log: $log); onex-host is built on Debian 12"
    fi
    rm -f "$log"
}

install_brew() {
    local wanted=${!1} missing='' formula installed
    have brew || die "Homebrew is missing; install it from https://brew.sh, then run this again"
    installed=" $(brew list --formula -1 | tr '\n' ' ') "
    for formula in $wanted; do
        case $installed in
            *" $formula "*) ;;
            *) missing="$missing $formula" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    # shellcheck disable=SC2086
    brew install --quiet $missing || die "brew could not install$missing"
}
