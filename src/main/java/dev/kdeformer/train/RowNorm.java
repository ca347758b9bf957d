package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Rows divided by their root mean square and multiplied by a gain (Zhang and Sennrich 2019, "Root mean square layer
 * normalization"): y = g ∘ x / √(mean(x²) + ε).
 */
final class RowNorm {
    private static final float EPSILON = 1e-5f;
    /** Rows of a task; gradients by the gain are summed within a task first, so it decides about bits. */
    private static final int ROWS = 256;

    private RowNorm() {
    }

    /** Normalises; {@code inverse} receives 1 / √(mean(x²) + ε) of every row. */
    static void forward(Team team, float[] x, int rows, float[] gain, float[] inverse, float[] y) {
        int width = gain.length;
        team.forEach(Math.ceilDiv(rows, ROWS), (task, scratch) -> {
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                float square = Lanes.dot(x, r * width, x, r * width, width);
                inverse[r] = (float) (1 / Math.sqrt(square / width + EPSILON));
                scale(x, r * width, gain, inverse[r], y);
            }
        });
    }

    /** Normalises again with what {@link #forward} found. */
    static void again(Team team, float[] x, int rows, float[] gain, float[] inverse, float[] y) {
        int width = gain.length;
        team.forEach(Math.ceilDiv(rows, ROWS), (task, scratch) -> {
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                scale(x, r * width, gain, inverse[r], y);
            }
        });
    }

    private static void scale(float[] x, int at, float[] gain, float inverse, float[] y) {
        for (int c = 0; c < gain.length; c += LANES) {
            FloatVector.fromArray(FLOATS, x, at + c).mul(inverse).mul(FloatVector.fromArray(FLOATS, gain, c))
                    .intoArray(y, at + c);
        }
    }

    /** Adds the gradients: dx += that by the rows, and that by the gain to the gain's. */
    static void backward(Team team, float[] x, int rows, Parameter gain, float[] inverse, float[] dy, float[] dx) {
        int width = gain.size();
        Slopes slopes = new Slopes(x, gain.value(), dy, dx);
        int tasks = Math.ceilDiv(rows, ROWS);
        float[] parts = new float[tasks * width];
        team.forEach(tasks, (task, scratch) -> {
            float[] product = new float[width];
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                slopes.add(r * width, inverse[r], product, parts, task * width);
            }
        });
        float[] gainGradient = gain.gradient();
        for (int task = 0; task < tasks; task++) {
            for (int c = 0; c < width; c++) {
                gainGradient[c] += parts[task * width + c];
            }
        }
    }

    /**
     * The gradients of rows.
     *
     * @param x    the rows
     * @param gain a factor for every column
     * @param dy   gradient by the normed rows
     * @param dx   receives the gradient by the rows
     */
    private record Slopes(float[] x, float[] gain, float[] dy, float[] dx) {
        /** Adds the gradient by the row at {@code at} to {@code dx}, and that by the gain to {@code parts}. */
        void add(int at, float inverse, float[] product, float[] parts, int part) {
            int width = gain.length;
            for (int c = 0; c < width; c += LANES) {
                FloatVector d = FloatVector.fromArray(FLOATS, dy, at + c);
                FloatVector normal = FloatVector.fromArray(FLOATS, x, at + c).mul(inverse);
                fma(d, normal, FloatVector.fromArray(FLOATS, parts, part + c)).intoArray(parts, part + c);
                d.mul(FloatVector.fromArray(FLOATS, gain, c)).intoArray(product, c);
            }
            float mean = Lanes.dot(product, 0, x, at, width) * inverse * inverse / width;
            for (int c = 0; c < width; c += LANES) {
                FloatVector.fromArray(FLOATS, product, c)
                        .sub(FloatVector.fromArray(FLOATS, x, at + c).mul(mean)).mul(inverse)
                        .add(FloatVector.fromArray(FLOATS, dx, at + c)).intoArray(dx, at + c);
            }
        }
    }

    /** The scalar reference of {@link #forward}. */
    static void forwardScalar(float[] x, int rows, float[] gain, float[] y) {
        int width = gain.length;
        for (int r = 0; r < rows; r++) {
            double square = 0;
            for (int c = 0; c < width; c++) {
                square += (double) x[r * width + c] * x[r * width + c];
            }
            for (int c = 0; c < width; c++) {
                y[r * width + c] = (float) (x[r * width + c] * gain[c] / Math.sqrt(square / width + EPSILON));
            }
        }
    }

    /** Sets all of an array's first rows to those of another. */
    static void copy(Team team, float[] from, float[] to, int floats) {
        int tasks = Math.ceilDiv(floats, 1 << 18);
        team.forEach(tasks, (task, scratch) -> {
            int start = task << 18;
            System.arraycopy(from, start, to, start, Math.min(1 << 18, floats - start));
        });
    }

    /** Sets elements to 0. */
    static void clear(Team team, float[] x, int floats) {
        team.forEach(Math.ceilDiv(floats, 1 << 18), (task, scratch) ->
                Arrays.fill(x, task << 18, Math.min(floats, (task + 1) << 18), 0));
    }
}
