#!/usr/bin/env bash
# Runs the commands of docs/performance.md and of README.md that figures belong to, on this machine, and writes what they
# give in place of what stands there: a table between "<!-- figures -->" and "<!-- end -->" comes from the last commands
# before it, a picture from the command that names its file under docs/. Run it where nothing else computes.
#
#   src/test/scripts/figures.sh [-l]
#
#   -l   only list the commands
#
# Needs mvn -q -DskipTests package; with -Ppeers for the tables beside other engines.
set -euo pipefail
cd "$(dirname "$0")/../../.."
list=
while getopts lh option; do
    case $option in
        l) list=true ;;
        *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0"; [ "$option" = h ]; exit ;;
    esac
done
kdebench=target/kdebench/bin/kdebench
[ -x "$kdebench" ] || { echo "figures: no $kdebench; run mvn -q -DskipTests package" >&2; exit 1; }

run() {
    echo "$1" >&2
    # The commands of the texts have neither quotes nor wildcards.
    # shellcheck disable=SC2086
    [ -n "$list" ] || $kdebench ${1#kdebench } ${2:-} 2>/dev/null
}

while IFS= read -r line; do
    case $line in
        "kdebench "*docs/images/*) run "$line" > /dev/null ;;
    esac
done < README.md

page=docs/performance.md
renewed=$(mktemp)
trap 'rm -f "$renewed"' EXIT
commands=()
skip=
while IFS= read -r line; do
    case $line in
        "<!-- figures -->")
            printf '%s\n\n' "$line"
            for command in "${commands[@]}"; do
                run "$command" --markdown
                echo
            done
            commands=()
            skip=true ;;
        "<!-- end -->") skip= ;;
        "kdebench "*) [ -n "$skip" ] || commands+=("$line") ;;
        "#"*) commands=() ;;
    esac
    [ -n "$skip" ] || printf '%s\n' "$line"
done < "$page" > "$renewed"
[ -n "$list" ] || cat "$renewed" > "$page"
