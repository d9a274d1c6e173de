# shellcheck shell=bash
# What the scripts of ./x bench share; sourced after tests/lab/common.sh.

now() { date +%s.%N; }
since() { echo "$1 $(now)" | awk '{printf "%.3f", $2 - $1}'; }
calc() { awk "BEGIN {printf \"$1\", $2}"; }
row() { printf '| %-44s | %14s | %14s | %-26s |\n' "$@"; }
head_row() {
    row "what" "onex-host" "beside it" "ratio"
    row "--------------------------------------------" "-------------:" "-------------:" "--------------------------"
}
# requests_per_s WRK-ARGUMENTS…: of good answers only; others would be quicker than they should be.
requests_per_s() {
    wrk -t1 -c32 -d5 "$@" | awk '/^Requests\/sec/ {print $2} /Non-2xx|Socket errors/ {print > "/dev/stderr"}'
}
