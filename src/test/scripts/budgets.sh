#!/usr/bin/env bash
# Runs kdebench budget on every set of a data folder and writes one Markdown table with all of them, and their totals.
#
#   src/test/scripts/budgets.sh [-o FILE.md] [-s SEEDS] DATA_FOLDER [SET ...] [-- OPTIONS OF kdebench budget]
#
# Without sets, all of the folder's manifest. What a set takes is in target/budgets/SET.csv; a set that is there already
# is not run again. Needs jq and mvn -q -DskipTests package.
set -euo pipefail
here=$(cd "$(dirname "$0")/../../.." && pwd)

output=
seeds=5
while getopts o:s:h option; do
    case $option in
        o) output=$OPTARG ;;
        s) seeds=$OPTARG ;;
        *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0"; [ "$option" = h ]; exit ;;
    esac
done
shift $((OPTIND - 1))
folder=${1:?the data folder is missing}
shift
sets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    sets+=("$1")
    shift
done
[ $# -gt 0 ] && shift
[ ${#sets[@]} -gt 0 ] || mapfile -t sets < <(jq -r '.sets[].name' "$folder/manifest.json")

results=$here/target/budgets
mkdir -p "$results"
for set in "${sets[@]}"; do
    [ -s "$results/$set.csv" ] || "$here/target/kdebench/bin/kdebench" budget --data-dir "$folder" --data "$set" \
        --seeds "$seeds" --no-price --csv "$results/$set.csv" "$@" > "$results/$set.txt"
done

# Columns: input method head budget seed spectral kept frobenius exact estimate low high covered columns time.
table() {
    echo '| set | head | budget | seeds | kept | median error | largest error | exact | certificate holds | columns | time of exact |'
    echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
    for set in "${sets[@]}"; do
        awk -F, '
            function median(list, count, i, j, x) {
                for (i = 2; i <= count; i++) {
                    x = list[i]
                    for (j = i - 1; j >= 1 && list[j] > x; j--) list[j + 1] = list[j]
                    list[j + 1] = x
                }
                return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
            }
            function flush(i) {
                if (!n) return
                held = n == exact ? "-" : covered " of " n - exact
                middle = median(errors, n)
                printf "| %s | %s | %s | %d | %d | %.3g | %.3g | %d | %s | %.0f | %.2f |\n", name, head, budget, n, kept,
                    middle, errors[n], exact, held, median(columns, n), median(times, n)
                n = kept = exact = covered = 0
            }
            {
                key = $3 "," $4
                if (key != last) flush()
                last = key; name = $1; head = $3; budget = $4
                n++
                errors[n] = $6 + 0; columns[n] = $14 + 0; times[n] = $15 + 0
                kept += $7 == "true"; exact += $9 == "true"; covered += $13 == "true"
            }
            END { flush() }' <(tail -n +2 "$results/$set.csv" | sort -t, -k3,3n -k4,4gr -k5,5n)
    done
    echo
    for set in "${sets[@]}"; do tail -n +2 "$results/$set.csv"; done | awk -F, '
        { cases++; kept += $7 == "true"; exact += $9 == "true"; covered += $13 == "true" }
        END {
            printf "Budget kept in %d of %d cases (%.1f %%) of (set, head, budget, seed).\n", kept, cases, 100 * kept / cases
            if (cases > exact)
                printf "\nThe certificate'"'"'s interval held the true Frobenius error in %d of %d cases (%.1f %%); in the other %d the head was computed exactly.\n",
                    covered, cases - exact, 100 * covered / (cases - exact), exact
        }'
}
if [ -n "$output" ]; then
    table > "$output"
else
    table
fi
