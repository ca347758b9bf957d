#!/usr/bin/env bash
# Fuzzes the readers with Jazzer, guided by coverage, from the seeds in src/test/fuzz. Exit code 0 if nothing was found.
#
#   src/test/scripts/fuzz.sh [-r RUNS] [-j FOLDER] [READERS]
#
#   -r RUNS    inputs for each reader (default: 250000)
#   -j FOLDER  a JDK from 21 on, instead of JAVA_HOME or java on the path
#
# READERS are npy, safetensors, picture, arguments, onnx, calibration, cache and plan; all of them without any. What is found,
# and the inputs that reach new code, are left in target/fuzz. To try an input again: put it into src/test/fuzz and run
# FuzzTargetTest.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit 1

runs=250000
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
while getopts r:j:h option; do
    case $option in
        r) runs=$OPTARG ;;
        j) java=$OPTARG/bin/java ;;
        *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0"; [ "$option" = h ]; exit ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- npy safetensors picture arguments onnx calibration cache plan

mkdir -p target/fuzz
if ! mvn -B -q -Pfuzz test-compile dependency:build-classpath -Dmdep.outputFile=target/fuzz/class-path \
    >target/fuzz/compile.log 2>&1; then
    tail -20 target/fuzz/compile.log
    echo "fuzz: does not compile, see target/fuzz/compile.log" >&2
    exit 1
fi

found=0
for reader in "$@"; do
    if [ ! -d "src/test/fuzz/$reader" ]; then
        echo "fuzz: readers are npy, safetensors, picture, arguments, onnx, calibration, cache and plan, got $reader" >&2
        exit 2
    fi
    mkdir -p "target/fuzz/$reader"
    # Memory is so small that a length that is believed shows.
    if "$java" -Xmx256m --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true \
        "-Dfuzz.target=$reader" -cp "target/classes:target/test-classes:$(cat target/fuzz/class-path)" \
        com.code_intelligence.jazzer.Jazzer --target_class=dev.kdeformer.cli.FuzzTarget \
        '--instrumentation_includes=dev.kdeformer.**' --reproducer_path=target/fuzz \
        "-artifact_prefix=target/fuzz/$reader-" -rss_limit_mb=2048 -timeout=20 "-runs=$runs" "target/fuzz/$reader" \
        "src/test/fuzz/$reader" >"target/fuzz/$reader.log" 2>&1; then
        grep -E '^FuzzTarget:|^Done ' "target/fuzz/$reader.log"
    else
        grep -E -A20 '^== |^FuzzTarget:' "target/fuzz/$reader.log" | head -40
        echo "fuzz: $reader: see target/fuzz/$reader.log"
        found=1
    fi
done
exit $found
