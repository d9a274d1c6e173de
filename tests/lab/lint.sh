# shellcheck shell=bash
# What ./x lint checks; sourced by it, after a build, because clang-tidy needs generated headers.

lint_all() {
    local failed=0
    lint_format || failed=1
    lint_scripts || failed=1
    lint_rules || failed=1
    lint_tidy || failed=1
    [ $failed -eq 0 ] || die "lint found something; see above"
    say "lint is clean"
}

clang_tool() { if have "$1-19"; then echo "$1-19"; else echo "$1"; fi; }

lint_format() {
    say "format"
    git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | xargs "$(clang_tool clang-format)" --dry-run -Werror
}

lint_scripts() {
    say "scripts"
    local file files
    files="x .ci/run $(git ls-files '*.sh')"
    for file in $files; do bash -n "$file" || return 1; done
    # shellcheck disable=SC2086  # Our file names hold no spaces.
    if have shellcheck; then shellcheck -x -S warning $files; fi
}

# House rules over the source tree: sizes, includes and their direction, banned words, forms of co_await.
lint_rules() {
    say "house rules"
    local log
    log=$(mktemp)
    build/bin/onex_style_test --gtest_brief=1 >"$log" 2>&1 || {
        cat "$log" >&2
        rm -f "$log"
        return 1
    }
    rm -f "$log"
}

# clang-tidy takes 5 to 25 s a file, so it reads what benefits most: the plugins, their libraries and the
# host's logic. Files that instantiate Beast, toml++, valijson or CLI11 and the tests are left out.
lint_tidy() {
    local tidy log files
    tidy=$(clang_tool clang-tidy)
    have "$tidy" || { say "clang-tidy is not installed; skipped"; return 0; }
    files=$(git ls-files 'plugins/**/*.cpp' 'host/*.cpp' 'host/**/*.cpp' |
        grep -v -E '^host/(http/(server|client|wire|transport|tls|connection)[a-z_]*|config/(config|reader)[a-z_]*|contract/schema|cli/arguments[a-z_]*)\.cpp$')
    say "clang-tidy on $(printf '%s\n' "$files" | wc -l | tr -d ' ') files"
    log=$(mktemp)
    printf '%s\n' "$files" | xargs -P "$(processor_count)" -n 4 "$tidy" -p build --quiet >"$log" 2>/dev/null || {
        cat "$log" >&2
        rm -f "$log"
        return 1
    }
    rm -f "$log"
}
