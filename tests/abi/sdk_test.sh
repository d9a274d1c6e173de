#!/usr/bin/env bash
# What people do with the SDK, done with an installed one:
#   sdk_test.sh install BUILD PREFIX       cmake --install
#   sdk_test.sh example PREFIX FOLDER      build an example plugin elsewhere, test, check and run it
#   sdk_test.sh rust PREFIX FOLDER         the same with cargo
#   sdk_test.sh new PREFIX                 what `onex-host plugin new` writes builds, passes and runs
#   sdk_test.sh readme PREFIX README       what api/README.md shows builds, passes and runs; two lines of CMake are enough
#   sdk_test.sh shipped PREFIX             every plugin of the installation passes `plugin check`
#   sdk_test.sh reference API              doxygen finds nothing to warn of
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lab/common.sh"

readonly skipped=77
work=$(mktemp -d "${TMPDIR:-/tmp}/onex-sdk-XXXXXX")
host_pid=
clean_up() {
    [ -z "$host_pid" ] || end_process "$host_pid"
    rm -rf "$work"
}
trap clean_up EXIT

ask() { # METHOD PATH [BODY]: over the admin socket, so that no port is needed
    local body=()
    [ $# -lt 3 ] || body=(-H 'Content-Type: application/json' -d "$3")
    curl -fsS --max-time 20 --unix-socket "$work/data/admin.sock" -X "$1" "${body[@]}" "http://host$2"
}
serves() { ask GET /health >/dev/null 2>&1; }
expect() { # WANTED GOT
    [ "$1" = "$2" ] || { cat "$work/host.log" >&2; die "expected '$1', got '$2'"; }
}

# start_host PREFIX PLUGIN FOLDER: the installed host with one node of that plugin.
start_host() {
    cat >"$work/host.toml" <<TOML
[host]
name = "sdk"
data_dir = "$work/data"
plugin_dirs = ["$3"]

[nodes.$2]
plugin = "$2"
TOML
    "$1/bin/onex-host" run --config "$work/host.toml" >"$work/host.log" 2>&1 &
    host_pid=$!
    wait_until 30 serves || { cat "$work/host.log" >&2; die "the installed host does not serve"; }
}
stop_host() {
    kill -TERM "$host_pid"
    local code=0
    wait "$host_pid" || code=$?
    host_pid=
    expect 0 "$code"
}

# use_example PREFIX NAME FOLDER: what each example offers.
use_example() {
    "$1/bin/onex-host" plugin check "$3/$2.so" --level full || die "$2 does not pass plugin check"
    start_host "$1" "$2" "$3"
    expect '{"count":1}' "$(ask POST /count '{}')"
    expect '{"count":2}' "$(ask POST /count '{}')"
    # Its state outlives a reload of its library.
    "$1/bin/onex-host" plugin reload "$2" --config "$work/host.toml" >"$work/reload.log" 2>&1 || { cat "$work/reload.log" >&2; die "$2 is not reloaded"; }
    expect '{"count":3}' "$(ask POST /count '{}')"
    expect '{"late":true}' "$(ask POST /later '{}')"
    expect $'one\ntwo\nthree' "$(ask GET /lines)"
    stop_host
}

build() { # PREFIX FOLDER: as its README says
    if ! { cmake -S "$2" -B "$2/build" -DCMAKE_PREFIX_PATH="$1" && cmake --build "$2/build"; } >"$work/build.log" 2>&1; then
        cat "$work/build.log" >&2
        die "$2 does not build"
    fi
    ctest --test-dir "$2/build" --output-on-failure >"$work/test.log" 2>&1 || { cat "$work/test.log" >&2; die "its test fails"; }
}

block() { # LANGUAGE FILE: the first such block of it
    awk -v fence="\`\`\`$1" '!found && $0 == fence {inside = found = 1; next} /^```/ {inside = 0} inside' "$2"
}

case $1 in
    install)
        rm -rf "$3"
        cmake --install "$2" --prefix "$3" >"$work/install.log" || die "cmake --install failed"
        for file in bin/onex-host lib/onex/plugins/orchestrator.so include/onex/abi.h lib/cmake/onex/onexConfig.cmake \
            share/onex/contracts/schema/node_contract.schema.json share/onex/migrations/sqlite share/onex/config/dev.toml; do
            [ -e "$3/$file" ] || die "not installed: $file"
        done
        "$3/bin/onex-host" version
        ;;
    example)
        name=example_$(basename "$3")
        cp -R "$(dirname "$3")" "$work/source"
        build "$2" "$work/source/$(basename "$3")"
        use_example "$2" "$name" "$work/source/$(basename "$3")/build"
        ;;
    rust)
        have cargo || { echo "skipped: cargo is not installed (./x test installs it)"; exit $skipped; }
        cp -R "$3" "$work/rust"
        (cd "$work/rust" && cargo build --release --offline) >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; die "cargo build fails"; }
        mkdir "$work/plugins"
        for ending in so dylib; do
            library=$work/rust/target/release/libexample_rust.$ending
            [ ! -e "$library" ] || cp "$library" "$work/plugins/example_rust.so"
        done
        use_example "$2" example_rust "$work/plugins"
        ;;
    new)
        "$2/bin/onex-host" plugin new word_count --dir "$work/word_count"
        if "$2/bin/onex-host" plugin new word_count --dir "$work/word_count" 2>/dev/null; then die "a full folder was overwritten"; fi
        if "$2/bin/onex-host" plugin new 'Bad Name' --dir "$work/bad" 2>/dev/null; then die "a bad name was taken"; fi
        build "$2" "$work/word_count"
        (cd "$work/word_count" && "$2/bin/onex-host" config check host.toml)
        "$2/bin/onex-host" plugin check "$work/word_count/build/word_count.so" || die "it does not pass plugin check"
        start_host "$2" word_count "$work/word_count/build"
        expect '{"text":"Hello, Ada!"}' "$(ask POST /word_count/greet '{"name":"Ada"}')"
        stop_host
        ;;
    readme)
        mkdir "$work/greeter" "$work/bare"
        block yaml "$3" >"$work/greeter/greeter.yaml"
        block cpp "$3" >"$work/greeter/greeter.cpp"
        block cmake "$3" >"$work/greeter/CMakeLists.txt"
        block toml "$3" >"$work/greeter/host.toml"
        build "$2" "$work/greeter"
        (cd "$work/greeter" && "$2/bin/onex-host" config check host.toml)
        "$2/bin/onex-host" plugin check "$work/greeter/build/greeter.so" || die "it does not pass plugin check"
        start_host "$2" greeter "$work/greeter/build"
        expect '{"text":"Hello, Ada!"}' "$(ask POST /greet '{"name":"Ada"}')"
        stop_host
        # With no policy set, as by a caller who wants nothing but the package.
        grep -E '^(find_package|onex_add_plugin)' "$work/greeter/CMakeLists.txt" >"$work/bare/CMakeLists.txt"
        cp "$work/greeter/greeter".* "$work/bare"
        cmake -Wno-dev -S "$work/bare" -B "$work/bare/build" -DCMAKE_PREFIX_PATH="$2" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; die "two lines of CMake are not enough"; }
        ;;
    shipped)
        for file in "$2"/lib/onex/plugins/*; do
            "$2/bin/onex-host" plugin check "$file" --level full || die "$file does not pass plugin check"
        done
        "$2/bin/onex-host" plugin check "$file" --level load --json | grep -q '"passed": *true' || die "--json does not say so"
        if "$2/bin/onex-host" plugin check "$0" >/dev/null; then die "a script passes plugin check"; fi
        ;;
    reference)
        have doxygen || { echo "skipped: doxygen is not installed (./x test installs it)"; exit $skipped; }
        cd "$2"
        ONEX_DOC_DIR="$work/reference" doxygen || die "the reference has warnings"
        [ -e "$work/reference/html/index.html" ] || die "no reference was made"
        ;;
    *) die "unknown step $1" ;;
esac
