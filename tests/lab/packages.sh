# shellcheck shell=bash
# shellcheck disable=SC2034  # The lists are read by name, in install_debian and install_brew.
# What has to be installed, in one place; sourced by ./x. Needs common.sh and docker.sh.

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
# These start a service of their own name. The tests want only the programs, and run them themselves.
DEBIAN_SERVICES="postgresql prometheus"

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
    local wanted=${!1} missing='' ordinary='' silent='' package
    for package in $wanted; do
        ! debian_has "$package" || continue
        [ "$package" != docker.io ] || ! docker_is_here || continue
        missing="$missing $package"
        if starts_a_service "$package"; then silent="$silent $package"; else ordinary="$ordinary $package"; fi
    done
    [ -n "$missing" ] || return 0
    # Here, because what as_root says further down goes to the log.
    can_be_root || die "root is needed to install:$missing; run this as root, or install them yourself"
    say "installing:$missing"
    mkdir -p build
    # shellcheck disable=SC2086  # One word a package is what apt-get wants.
    if ! { apt_get update && apt_install $ordinary && apt_install_silent $silent; } >build/packages.log 2>&1; then
        tail -n 15 build/packages.log >&2
        die "apt-get could not install$missing (log: build/packages.log); onex-host is built on Debian 12"
    fi
}

debian_has() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Whether a Docker is here already, from wherever: docker.io would replace Docker's own packages, engine and all.
docker_is_here() { have docker && { have dockerd || debian_has docker-ce-cli || find_engine >/dev/null; }; }

# Whether installing this package would start a service that is not here yet. Where the service is here, somebody
# uses it, and the package is installed like any other.
starts_a_service() {
    case " $DEBIAN_SERVICES " in *" $1 "*) ;; *) return 1 ;; esac
    [ -d /run/systemd/system ] && ! systemctl cat "$1.service" >/dev/null 2>&1
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }
apt_install() { [ $# -eq 0 ] || apt_get install -y --no-install-recommends "$@"; }

# Installs services that start neither now nor with the machine. SYSTEMD_OFFLINE makes every systemctl of the
# packages' scripts leave the running system alone; unlike a policy-rc.d it is no file that could stay behind.
apt_install_silent() {
    [ $# -gt 0 ] || return 0
    as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 \
        apt-get -q install -y --no-install-recommends "$@" &&
        as_root systemctl disable "$@"
}

install_brew() {
    local wanted=${!1} missing='' formula installed
    have brew || die "Homebrew is missing; install it from https://brew.sh, then run this again"
    installed=" $(brew list --formula -1 | tr '\n' ' ') "
    for formula in $wanted; do
        case $installed in *" $formula "*) continue ;; esac
        # Docker Desktop and OrbStack bring the command with them.
        if [ "$formula" = docker ] && have docker; then continue; fi
        missing="$missing $formula"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    # shellcheck disable=SC2086
    brew install --quiet $missing || die "brew could not install$missing"
}
