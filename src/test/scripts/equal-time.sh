#!/usr/bin/env bash
# Compares errors at equal time: pilot attention against KDEformer and HyperAttention at their best setting, on every long
# set of a data folder. Prints a Markdown table and the geometric mean over the sets.
#
#   src/test/scripts/equal-time.sh [-o FILE.md] [-p COLUMNS] [-q COLUMNS] [-r REPEAT] DATA_FOLDER [SET ...]
#
#   -p COLUMNS   key evaluations per query of pilot attention, default "512 1024 2048 4096"
#   -q COLUMNS   and of the rivals, default "256 1536 3072 6144 8192" and the same
#
# Without sets, all of the folder's manifest with 16,384 rows or more. All methods take turns in one process and on one
# thread. The rivals run at several numbers of columns, each with 4 ways to draw keys for KDEformer and 2 for HyperAttention.
# Between two of a rival's settings, the error at a time in between is taken from the straight line through them with
# logarithmic axes; only settings count that no faster one of the same rival beats. Beyond 16,384 rows errors are those
# of 1,000 rows. Runs are kept in target/equal-time; one that is there already is not done again. Needs jq and
# mvn -q -DskipTests package.
set -euo pipefail
here=$(cd "$(dirname "$0")/../../.." && pwd)

output=
pilot="512 1024 2048 4096"
rivals="256 1536 3072 6144 8192"
repeat=5
while getopts o:p:q:r:h option; do
    case $option in
        o) output=$OPTARG ;;
        p) pilot=$OPTARG ;;
        q) rivals=$OPTARG ;;
        r) repeat=$OPTARG ;;
        *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0"; [ "$option" = h ]; exit ;;
    esac
done
shift $((OPTIND - 1))
folder=${1:?the data folder is missing}
shift
sets=("$@")
[ ${#sets[@]} -gt 0 ] || mapfile -t sets < <(jq -r '.sets[] | select(.n >= 16384) | .name' "$folder/manifest.json")

results=$here/target/equal-time
mkdir -p "$results"
run() { # FILE SET N OPTIONS...
    local file=$results/$1.json set=$2 n=$3
    shift 3
    [ -s "$file" ] || "$here/target/kdebench/bin/kdebench" scale --data-dir "$folder" --data "$set" --n "$n" --threads 1 \
        --repeat "$repeat" --methods pilot,kdeformer,hyper --columns "$columns" "$@" --json "$file" > /dev/null
}
columns=$(echo $pilot $rivals | tr ' ' '\n' | sort -nu | paste -sd,)
for set in "${sets[@]}"; do
    n=$(jq -r --arg set "$set" '.sets[] | select(.name == $set) | .n' "$folder/manifest.json")
    run "$set.0" "$set" "$n"
    run "$set.1" "$set" "$n" -O kdeformer.weights=column-mass
    run "$set.2" "$set" "$n" -O draws=stratified
    run "$set.3" "$set" "$n" -O draws=stratified -O kdeformer.weights=column-mass
done

# One line for each run: set, process, method, pilot's columns, time, error.
lines() {
    for set in "${sets[@]}"; do
        for part in 0 1 2 3; do
            jq -r --arg set "$set" --arg part "$part" '.runs[] | [$set, $part, .method, (.parameters.columns // "-"),
                .medianMs, .error.spectral.mean] | @tsv' "$results/$set.$part.json"
        done
    done
}

# A rival's error at a time: the frontier of its settings, between them a power of the time.
table() {
    echo '| set | columns of pilot | ms | pilot | KDEformer | HyperAttention | ratio to the better one |'
    echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: |'
    lines | awk -F'\t' -v wanted="$pilot" '
        function at(method, part, time, i, j, count, times, errors, t, e, lower, result) {
            count = 0
            for (i = 1; i <= n; i++) if (m[i] == method && p[i] == part) {
                for (j = count++; j >= 1 && times[j] > ms[i]; j--) { times[j + 1] = times[j]; errors[j + 1] = errors[j] }
                times[j + 1] = ms[i]; errors[j + 1] = er[i]
            }
            lower = 0; result = 1e9
            for (i = 1; i <= count; i++) {
                if (lower && errors[i] >= e) continue
                if (times[i] > time) {
                    if (!lower) return 1e9
                    return exp(log(e) + (log(errors[i]) - log(e)) * (log(time) - log(t)) / (log(times[i]) - log(t)))
                }
                lower = 1; t = times[i]; e = errors[i]; result = e
            }
            return result
        }
        # Times of different processes are compared through the pilot runs that all of them have.
        function best(method, column, part, i, x, least) {
            least = 1e9
            for (part = 0; part < 4; part++) for (i = 1; i <= n; i++)
                if (m[i] == "pilot" && p[i] == part && c[i] == column) {
                    x = at(method, part, ms[i])
                    if (x < least) least = x
                }
            return least
        }
        function text(x) { return x < 1e9 ? sprintf("%.4f", x) : "none as fast" }
        function flush(k, i, list, kd, hy, both, row) {
            if (!n) return
            split(wanted, list, " ")
            for (k = 1; k in list; k++) {
                row = 0
                for (i = 1; i <= n; i++) if (m[i] == "pilot" && c[i] == list[k] && !row) row = i
                if (!row) continue
                kd = best("kdeformer", list[k]); hy = best("hyper", list[k])
                both = kd < hy ? kd : hy
                printf "| %s | %s | %.0f | %.4f | %s | %s | %s |\n", name, list[k], ms[row], er[row], text(kd), text(hy),
                    both < 1e9 ? sprintf("%.2f", both / er[row]) : "-"
                if (both < 1e9) { sum[list[k]] += log(both / er[row]); sets[list[k]]++ }
            }
            n = 0
        }
        { if ($1 != name) flush(); name = $1; n++; p[n] = $2; m[n] = $3; c[n] = $4; ms[n] = $5; er[n] = $6 }
        END {
            flush()
            print ""
            split(wanted, list, " ")
            for (k = 1; k in list; k++) if (sets[list[k]])
                printf "Geometric mean of the ratio at %s columns: %.2f over %d sets.\n\n", list[k],
                    exp(sum[list[k]] / sets[list[k]]), sets[list[k]]
        }'
}
if [ -n "$output" ]; then
    table > "$output"
else
    table
fi
