#!/usr/bin/env bash
# Runs the tests at vector widths of 512, 256 and 128 bits on every JDK from 21 on that it finds, and prints a table of
# what ran and what did not. Exit code 0 if all that ran passed.
#
#   src/test/scripts/matrix.sh [-r] [-w WIDTHS] [-j FOLDERS] [-- MAVEN OPTIONS]
#
#   -r           write the golden results of every width anew, on the newest JDK, instead of testing
#   -w WIDTHS    widths, for example "256 128"
#   -j FOLDERS   JDKs, for example "/opt/jdk-21 /opt/jdk-25", instead of JAVA_HOME and the usual folders
#
# More options go to Maven, such as -Dtest='dev/kdeformer/kernel/**,Exact*'. Logs are in target/matrix. Where there is a JDK 21, its own
# javac also compiles the sources, because a later one does not catch calls to API that 21 lacks.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit 1

widths="512 256 128"
folders=
renew=
while getopts rw:j:h option; do
    case $option in
        r) renew=true ;;
        w) widths=$OPTARG ;;
        j) folders=$OPTARG ;;
        *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0"; [ "$option" = h ]; exit ;;
    esac
done
shift $((OPTIND - 1))

if [ -z "$folders" ]; then
    folders="${JAVA_HOME:-} ${KDEBENCH_JAVA_HOME:-} $(echo /usr/lib/jvm/* /usr/java/* /opt/*jdk* /opt/java/* \
        "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* \
        /Library/Java/JavaVirtualMachines/*/Contents/Home)"
fi

# One JDK for each feature version: the first that is found.
declare -A jdks=()
for folder in $folders; do
    [ -x "$folder/bin/java" ] && [ -r "$folder/release" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$folder/release")
    [ "${version:-0}" -ge 21 ] && [ -z "${jdks[$version]:-}" ] && jdks[$version]=$folder
done
if [ -n "$renew" ]; then
    for version in $(printf '%s\n' "${!jdks[@]}" | sort -n | sed '$d'); do
        unset "jdks[$version]"
    done
    set -- -Dtest=GoldenTest "$@"
fi
if [ ${#jdks[@]} = 0 ]; then
    echo "matrix: no JDK 21 or newer found; name folders with -j" >&2
    exit 1
fi

# Preferred widths follow the widest vector of all element types; MaxVectorSize keeps the instructions of the machine.
declare -A options=([512]="-XX:MaxVectorSize=64" [256]="-XX:MaxVectorSize=32" [128]="-XX:MaxVectorSize=16")
if grep -q avx2 /proc/cpuinfo 2>/dev/null; then
    options[256]="-XX:UseAVX=2"
fi

mkdir -p target/matrix
rm -f target/matrix/*
log=target/matrix/compile.log
if ! mvn -B -q test-compile >"$log" 2>&1; then
    tail -20 "$log"
    echo "matrix: does not compile, see $log" >&2
    exit 1
fi

failed=0
rows=
row() {
    rows+=$(printf '%-5s %-5s %s' "$1" "$2" "$3")$'\n'
    printf 'JDK %-5s %-4s bits: %s\n' "$1" "$2" "$3"
}
if [ -n "$renew" ]; then
    : # nothing is tested
elif [ -n "${jdks[21]:-}" ] && [ -x "${jdks[21]}/bin/javac" ]; then
    log=target/matrix/api-21.log
    if mvn -B -q dependency:build-classpath -Dmdep.outputFile=target/matrix/class-path >"$log" 2>&1 &&
        find src/main/java -name '*.java' >target/matrix/sources &&
        "${jdks[21]}/bin/javac" --enable-preview -source 21 -proc:none --add-modules jdk.incubator.vector \
            -cp "$(cat target/matrix/class-path)" -d target/matrix/api-21 @target/matrix/sources >>"$log" 2>&1; then
        row 21 - "sources use no API newer than 21"
    else
        row 21 - "FAILED to compile the sources, see $log"
        failed=1
    fi
    rm -rf target/matrix/api-21
else
    row 21 - "API not checked: no JDK 21 with javac found"
fi
for version in 21 $(printf '%s\n' "${!jdks[@]}" 25 | sort -n | uniq | grep -vx 21); do
    for width in $widths; do
        if [ -z "${options[$width]:-}" ]; then
            row "$version" "$width" "not run: widths are 512, 256 and 128"
            continue
        fi
        if [ -z "${jdks[$version]:-}" ]; then
            [ -n "$renew" ] || row "$version" "$width" "not run: no such JDK found"
            continue
        fi
        jdk=${jdks[$version]}
        read -ra flags <<< "${options[$width]}"
        bits=$("$jdk/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED "${flags[@]}" \
            -cp target/classes:target/test-classes dev.kdeformer.runtime.PrintVectorBits 2>/dev/null | tail -1)
        if [ "$bits" != "$width" ]; then
            row "$version" "$width" "not run: this machine gives ${bits:-no vectors} with ${options[$width]}"
            continue
        fi
        log=target/matrix/jdk$version-$width.log
        if mvn -B surefire:test "-DtestJdk=$jdk" "-Dtest.vmargs=${options[$width]} ${renew:+-Dgolden.renew=true}" "$@" >"$log" 2>&1; then
            verdict=passed
        else
            verdict="FAILED, see $log"
            failed=1
        fi
        count=$(sed -n 's/^.*\(Tests run: [0-9]*, Failures: [0-9]*, Errors: [0-9]*, Skipped: [0-9]*\)\(.*in .*\)*$/\1\2/p' \
            "$log" | grep -v ' in ' | tail -1)
        row "$version" "$width" "$verdict${count:+ ($count)}, $jdk, ${options[$width]}"
    done
done
printf '\n%-5s %-5s %s\n%s' JDK bits tests "$rows"
exit $failed
