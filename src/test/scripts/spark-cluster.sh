#!/usr/bin/env bash
# Runs attention on a standalone Spark cluster of two workers on this machine, at 127.0.0.1 and 127.0.0.2, and does to
# it what happens to clusters. Every run has to give the bits of a run without a cluster, or one sentence and no file.
#   src/test/scripts/spark-cluster.sh [-n ROWS] [-k] [CASE ...]
#     -n ROWS  rows of the input, 12000 or more (default 20000)
#     -k       keep the folder with inputs, outputs and logs, and say where it is
#     CASE     plain, shards, pilot, kill, kill-shards, speculation, disk, memory; all without one
# Needs the jars of "mvn -Pspark -DskipTests package" and Maven's copy of Spark. Listens on loopback alone.
set -euo pipefail
cd "$(dirname "$0")/../../.."

rows=20000 keep=
while getopts n:kh option; do
  case $option in
    n) rows=$OPTARG ;;
    k) keep=1 ;;
    h) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) exit 2 ;;
  esac
done
[ "$rows" -ge 12000 ] || { echo "spark-cluster: ROWS must be 12000 or more, got $rows" >&2; exit 2; }
shift $((OPTIND - 1))
cases=("$@")
[ $# -gt 0 ] || cases=(plain shards pilot kill kill-shards speculation disk memory)

version=$(sed -n 's:^  <version>\(.*\)</version>:\1:p' pom.xml | head -1)
library=$PWD/target/kdeformer-$version.jar
adapter=$PWD/target/kdeformer-$version-spark.jar
[ -f "$adapter" ] && [ -f "$library" ] || { echo "spark-cluster: build first: mvn -Pspark -DskipTests package" >&2; exit 2; }
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ "$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p')" -lt 21 ]; then
  echo "spark-cluster: JAVA_HOME must be a JDK 21 or newer" >&2
  exit 2
fi

export SPARK_HOME=$PWD/target/spark-home SPARK_SCALA_VERSION=2.13
if [ ! -d "$SPARK_HOME/jars" ]; then
  mvn -q -B -Pspark dependency:copy-dependencies -DincludeScope=compile -DoutputDirectory="$SPARK_HOME/jars"
fi
fastutil=$(echo "$PWD"/target/kdebench/lib/fastutil-core-*.jar)
flags=(--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED)
work=$(mktemp -d)
started=()

finish() {
  for pid in "${started[@]}"; do
    kill "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  if [ -n "$keep" ]; then echo "kept $work"; else rm -rf "$work"; fi
}
trap finish EXIT

cat > "$work/Make.java" <<'JAVA'
import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.SplittableRandom;

class Make {
    public static void main(String[] args) throws Exception {
        int rows = Integer.parseInt(args[1]);
        for (String name : new String[] {"q", "k", "v"}) {
            float[] values = new float[rows * 64];
            SplittableRandom random = new SplittableRandom(name.hashCode());
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            Npy.write(Path.of(args[0], name + ".npy"), Tensor.copyOf(Arena.ofAuto(), Shape.of(rows, 64), values));
        }
    }
}
JAVA
make() {
  mkdir -p "$work/$1"
  "$java" "${flags[@]}" -cp "$library:$fastutil" "$work/Make.java" "$work/$1" "$2" 2>/dev/null
}

port=$((20000 + $$ % 20000))
master=spark://127.0.0.1:$port
daemon() {
  local address=$1 log=$2
  shift 2
  SPARK_LOCAL_IP=$address "$java" -Dspark.master.rest.enabled=false -Dspark.ui.reverseProxy=false \
    -cp "$SPARK_HOME/jars/*" "$@" > "$log" 2>&1 &
  started+=($!)
}
workers=()
start_cluster() {
  daemon 127.0.0.1 "$work/master.log" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$port" \
    --webui-port $((port + 1))
  for i in 1 2; do
    daemon "127.0.0.$i" "$work/worker$i.log" org.apache.spark.deploy.worker.Worker --host "127.0.0.$i" --cores 1 \
      --memory 1200m --webui-port $((port + 1 + i)) --work-dir "$work/worker$i" "$master"
    workers+=("${started[-1]}")
  done
  for _ in $(seq 120); do
    [ "$(grep -c 'Registering worker' "$work/master.log" || true)" -ge 2 ] && return
    sleep 1
  done
  echo "spark-cluster: the workers did not register, see $work" >&2
  exit 1
}

# submit MASTER INPUT OUT [OPTIONS OF SPARK] -- [OPTIONS]
submit() {
  local to=$1 input=$work/$2 out=$3 spark=()
  shift 3
  while [ "$1" != -- ]; do spark+=("$1"); shift; done
  shift
  SPARK_LOCAL_IP=127.0.0.1 "$java" "${flags[@]}" -Xmx1g -cp "$SPARK_HOME/jars/*" org.apache.spark.deploy.SparkSubmit \
    --master "$to" --class dev.kdeformer.spark.Main --jars "$library,$fastutil" --conf spark.ui.enabled=false \
    --conf spark.driver.host=127.0.0.1 --conf spark.executor.memory=700m --conf spark.task.maxFailures=3 \
    ${spark[@]+"${spark[@]}"} "$adapter" --q "$input/q.npy" --k "$input/k.npy" --v "$input/v.npy" \
    --block-rows 2048 --out "$out" "$@"
}

failed=0
say() {
  printf '%-12s %s\n' "$1" "$2"
  [ "${2#FAILED}" = "$2" ] || failed=1
}
same() {
  if cmp -s "$2" "$3"; then say "$1" "same bits"; else say "$1" "FAILED: other bits, or no output"; fi
}
# What a failed run has to leave: code 1, a line, no file.
refused() {
  local line
  line=$(sed -n 's/^kdeformer-spark: //p' "$work/$1.log")
  if [ "$2" -eq 1 ] && [ "$(printf '%s\n' "$line" | wc -l)" -eq 1 ] && [ -n "$line" ] && [ ! -e "$work/$1.npy" ] \
      && ! ls "$work" | grep -q "^$1\.npy"; then
    say "$1" "refused: ${line:0:100}"
  else
    say "$1" "FAILED: code $2, see $work/$1.log"
    keep=1
  fi
}
run() {
  submit "$master" small "$work/$1.npy" "${@:2}" > "$work/$1.log" 2>&1
}
# What folded shards give without a cluster.
folded() {
  [ -e "$work/folded.npy" ] || submit 'local[1]' small "$work/folded.npy" -- --plan shards --shard-mb 2 \
    > "$work/folded.log" 2>&1
}
# killed CASE EXPECTED [OPTIONS]: a run whose executor is killed
killed() {
  local case=$1 expected=$2 driver executor=
  shift 2
  run "$case" -- "$@" &
  driver=$!
  # The executor is the child of a worker of ours; it is killed in the middle of the attention stage.
  until grep -qs 'Submitting .* parquet at ResultFile' "$work/$case.log"; do
    kill -0 "$driver" 2>/dev/null || break
    sleep 0.2
  done
  executor=$(pgrep -P "${workers[0]}" | head -1 || true)
  [ -z "$executor" ] || kill -9 "$executor"
  wait "$driver" || true
  if [ -n "$executor" ] && grep -q 'Lost executor' "$work/$case.log"; then
    same "$case" "$expected" "$work/$case.npy"
  else
    say "$case" "FAILED: no executor was lost"
  fi
}

make small "$rows"
submit 'local[1]' small "$work/exact.npy" -- > "$work/exact.log" 2>&1
start_cluster
for case in "${cases[@]}"; do
  case $case in
    plain)
      run plain -- || true
      same plain "$work/exact.npy" "$work/plain.npy" ;;
    shards)
      folded
      run shards -- --plan shards --shard-mb 2 || true
      same shards "$work/folded.npy" "$work/shards.npy" ;;
    pilot)
      submit 'local[1]' small "$work/whole.npy" -- --method pilot --parts 1 > "$work/whole.log" 2>&1
      run pilot -- --method pilot --parts 4 || true
      same pilot "$work/whole.npy" "$work/pilot.npy" ;;
    kill)
      killed kill "$work/exact.npy" ;;
    kill-shards)
      folded
      killed kill-shards "$work/folded.npy" --plan shards --shard-mb 2 ;;
    speculation)
      run speculation --conf spark.speculation=true --conf spark.speculation.multiplier=1.01 \
        --conf spark.speculation.quantile=0.1 --conf spark.speculation.minTaskRuntime=10ms -- || true
      same speculation "$work/exact.npy" "$work/speculation.npy" ;;
    disk)
      # A limit of 2 MB on the driver's files, less than the output: a full disk to whom it meets.
      code=0
      (ulimit -f 2000; run disk --) || code=$?
      refused disk "$code" ;;
    memory)
      make large 700000
      code=0
      submit "$master" large "$work/memory.npy" --conf spark.executor.memory=470m --driver-memory 1500m -- \
        > "$work/memory.log" 2>&1 || code=$?
      refused memory "$code" ;;
    *)
      echo "spark-cluster: unknown case $case" >&2
      exit 2 ;;
  esac
done
exit $failed
