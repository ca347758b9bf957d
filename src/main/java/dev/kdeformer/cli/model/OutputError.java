package dev.kdeformer.cli.model;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.TensorInfo;
import dev.kdeformer.onnx.OnnxOutputs;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How far an output of a model is from another run's.
 *
 * @param frobenius relative Frobenius error
 * @param cosine    cosine of the means over all rows, which is what an embedding often is
 * @param worstRow  the lowest cosine of a row
 */
public record OutputError(double frobenius, double cosine, double worstRow) {
    /** Copies of the float32 outputs, by name: their elements and the length of a row. */
    record Copy(FloatBuffer elements, int columns) {
    }

    static Map<String, Copy> copy(OnnxOutputs outputs) {
        Map<String, Copy> copies = new LinkedHashMap<>();
        for (Map.Entry<String, OnnxValue> output : outputs.values().entrySet()) {
            if (output.getValue() instanceof OnnxTensor tensor && tensor.getInfo() instanceof TensorInfo info
                    && tensor.getFloatBuffer() != null) {
                long[] sizes = info.getShape();
                copies.put(output.getKey(), new Copy(tensor.getFloatBuffer(),
                        sizes.length == 0 ? 1 : (int) Math.max(1, sizes[sizes.length - 1])));
            }
        }
        return copies;
    }

    static Map<String, OutputError> of(Map<String, Copy> outputs, Map<String, Copy> expected) {
        Map<String, OutputError> errors = new LinkedHashMap<>();
        expected.forEach((name, copy) -> {
            if (outputs.containsKey(name) && outputs.get(name).elements().remaining() == copy.elements().remaining()) {
                errors.put(name, of(outputs.get(name).elements(), copy.elements(), copy.columns()));
            }
        });
        return errors;
    }

    private static OutputError of(FloatBuffer ours, FloatBuffer theirs, int columns) {
        int rows = theirs.remaining() / columns;
        double[] ourMean = new double[columns];
        double[] theirMean = new double[columns];
        double differences = 0;
        double squares = 0;
        double worst = 1;
        for (int i = 0; i < rows; i++) {
            double product = 0;
            double a2 = 0;
            double b2 = 0;
            for (int c = 0; c < columns; c++) {
                double a = ours.get(i * columns + c);
                double b = theirs.get(i * columns + c);
                ourMean[c] += a;
                theirMean[c] += b;
                product += a * b;
                a2 += a * a;
                b2 += b * b;
                differences += (a - b) * (a - b);
            }
            squares += b2;
            if (a2 > 0 && b2 > 0) {
                worst = Math.min(worst, product / Math.sqrt(a2 * b2));
            }
        }
        double product = 0;
        double a2 = 0;
        double b2 = 0;
        for (int c = 0; c < columns; c++) {
            product += ourMean[c] * theirMean[c];
            a2 += ourMean[c] * ourMean[c];
            b2 += theirMean[c] * theirMean[c];
        }
        return new OutputError(differences == 0 ? 0 : Math.sqrt(differences / squares), product / Math.sqrt(a2 * b2),
                worst);
    }
}
