package dev.kdeformer.onnx;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** ONNX Runtime tensors of arrays, and how far the outputs of two runs are apart. */
final class Feeds implements AutoCloseable {
    private final Map<String, OnnxTensorLike> tensors = new LinkedHashMap<>();

    Feeds(Map<String, TestModel.Feed> feeds) throws OrtException {
        for (Map.Entry<String, TestModel.Feed> feed : feeds.entrySet()) {
            tensors.put(feed.getKey(), tensor(feed.getValue()));
        }
    }

    private static OnnxTensor tensor(TestModel.Feed feed) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        if (feed.data() instanceof float[] values) {
            ByteBuffer bytes = direct(4 * values.length);
            bytes.asFloatBuffer().put(values);
            return OnnxTensor.createTensor(environment, bytes.asFloatBuffer(), feed.sizes());
        }
        if (feed.data() instanceof long[] values) {
            ByteBuffer bytes = direct(8 * values.length);
            bytes.asLongBuffer().put(values);
            return OnnxTensor.createTensor(environment, bytes.asLongBuffer(), feed.sizes());
        }
        if (feed.data() instanceof int[] values) {
            ByteBuffer bytes = direct(4 * values.length);
            bytes.asIntBuffer().put(values);
            return OnnxTensor.createTensor(environment, bytes.asIntBuffer(), feed.sizes());
        }
        boolean[] values = (boolean[]) feed.data();
        ByteBuffer bytes = direct(values.length);
        for (int i = 0; i < values.length; i++) {
            bytes.put(i, (byte) (values[i] ? 1 : 0));
        }
        return OnnxTensor.createTensor(environment, bytes, feed.sizes(), OnnxJavaType.BOOL);
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    Map<String, OnnxTensorLike> tensors() {
        return tensors;
    }

    /** The relative Frobenius error of the worst output; NaN in both counts as equal. */
    static double difference(OnnxOutputs outputs, OnnxOutputs expected) {
        double worst = 0;
        for (Map.Entry<String, OnnxValue> entry : expected.values().entrySet()) {
            FloatBuffer a = ((OnnxTensor) outputs.get(entry.getKey())).getFloatBuffer();
            FloatBuffer b = ((OnnxTensor) entry.getValue()).getFloatBuffer();
            if (a.remaining() != b.remaining()) {
                throw new AssertionError(entry.getKey() + " has " + a.remaining() + " elements, not " + b.remaining());
            }
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < b.remaining(); i++) {
                if (Float.isNaN(a.get(i)) && Float.isNaN(b.get(i))) {
                    continue;
                }
                double difference = (double) a.get(i) - b.get(i);
                sum += difference * difference;
                squares += (double) b.get(i) * b.get(i);
            }
            double relative = sum == 0 ? 0 : Math.sqrt(sum / squares);
            worst = Double.isNaN(relative) ? Double.NaN : Math.max(worst, relative);
        }
        return worst;
    }

    @Override
    public void close() {
        tensors.values().forEach(OnnxTensorLike::close);
    }
}
