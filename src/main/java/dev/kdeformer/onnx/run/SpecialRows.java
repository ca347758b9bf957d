package dev.kdeformer.onnx.run;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * Writes the rows of an output that are no softmax of logits: means of values, NaN or zeros. Where a sink has all of
 * the weight they are zeros.
 */
final class SpecialRows {
    private SpecialRows() {
    }

    static void write(List<MaskForm.SpecialRow> rows, AttentionInput input, Tensor output, boolean guarded) {
        float[] mean = new float[input.dv()];
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                int first = -1;
                int end = -1;
                for (MaskForm.SpecialRow row : rows) {
                    if (row.batch() >= 0 && row.batch() != b || row.head() >= 0 && row.head() != h) {
                        continue;
                    }
                    if (row.first() != first || row.end() != end) {
                        first = row.first();
                        end = row.end();
                        if (!input.hasSinks()) {
                            mean(input.value().matrix(b, h / input.groupSize()), first, end, guarded, mean);
                        }
                    }
                    Matrix out = output.matrix(b, h);
                    int from = row.query() < 0 ? 0 : row.query();
                    int to = row.query() < 0 ? input.queries() : row.query() + 1;
                    for (int i = from; i < to; i++) {
                        for (int c = 0; c < mean.length; c++) {
                            out.set(i, c, mean[c]);
                        }
                    }
                }
            }
        }
    }

    private static void mean(Matrix values, int first, int end, boolean guarded, float[] mean) {
        if (first == end) {
            Arrays.fill(mean, guarded ? 0 : Float.NaN);
            return;
        }
        for (int c = 0; c < mean.length; c++) {
            double sum = 0;
            for (int j = first; j < end; j++) {
                sum += values.get(j, c);
            }
            mean[c] = (float) (sum / (end - first));
        }
    }
}
