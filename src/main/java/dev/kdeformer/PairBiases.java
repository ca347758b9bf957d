package dev.kdeformer;

import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;

/** The kinds of biases per pair that {@link PairBias} makes. */
final class PairBiases {
    private PairBiases() {
    }

    /** The largest finite magnitude; refuses NaN and +∞. */
    static float largest(float[] biases) {
        float largest = 0;
        for (float each : biases) {
            if (Float.isNaN(each) || each == Float.POSITIVE_INFINITY) {
                throw new IllegalArgumentException("biases must be finite or -Infinity, got " + each);
            }
            largest = each > AttentionInput.HIDING_BIAS ? Math.max(largest, Math.abs(each)) : largest;
        }
        return largest;
    }

    /** Writes slope · |distance + c| for {@code count} places c. */
    static void ramp(float slope, long distance, int count, float[] target, int at) {
        for (int c = 0; c < count; c++) {
            target[at + c] = slope * Math.abs((float) (distance + c));
        }
    }

    /** Biases that lie in memory. */
    static final class Dense implements PairBias {
        private final Tensor tensor;

        Dense(Tensor tensor) {
            this.tensor = tensor;
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(tensor);
        }

        @Override
        public void fill(Piece piece, float[] target, int stride) {
            Matrix biases = tensor.sharedMatrix(piece.batch(), piece.head());
            for (int r = 0; r < piece.queries(); r++) {
                biases.readPart(biases.rows() == 1 ? 0 : piece.query() + r, piece.key(), piece.keys(), target,
                        r * stride);
                if (!tensor.element().isNumber()) {
                    hideFalse(target, r * stride, piece.keys());
                }
            }
        }

        private static void hideFalse(float[] target, int at, int count) {
            for (int c = at; c < at + count; c++) {
                target[c] = target[c] == 0 ? Float.NEGATIVE_INFINITY : 0;
            }
        }

        @Override
        public void check(int batch, int heads, int n, int m) {
            Shape s = tensor.shape();
            if (s.batch() != 1 && s.batch() != batch || s.heads() != 1 && s.heads() != heads
                    || s.rows() != 1 && s.rows() != n || s.columns() != m) {
                throw new IllegalArgumentException("pair bias must have shape (" + batch + " or 1, " + heads
                        + " or 1, " + n + " or 1, " + m + "), got " + s);
            }
        }
    }

    /** A bias that is a function of the distance. */
    abstract static class Distance implements PairBias {
        private final int heads;
        private final int offset;
        private final double bound;

        Distance(int heads, int offset, double bound) {
            this.heads = heads;
            this.offset = offset;
            this.bound = bound;
        }

        abstract void row(int head, long distance, int keys, float[] target, int at);

        @Override
        public Layout layout() {
            return Layout.DISTANCES;
        }

        @Override
        public void fill(Piece piece, float[] target, int stride) {
            long distance = (long) piece.key() - piece.query() - offset;
            for (int r = 0; r < piece.queries(); r++) {
                row(Math.min(piece.head(), heads - 1), distance - r, piece.keys(), target, r * stride);
            }
        }

        @Override
        public double bound() {
            return bound;
        }

        @Override
        public void check(int batch, int queryHeads, int n, int m) {
            if (heads != 1 && heads != queryHeads) {
                throw new IllegalArgumentException("pair bias must be for 1 or " + queryHeads + " heads, got " + heads);
            }
        }
    }

    /** A bias over a grid of keys. */
    static final class Grid implements PairBias {
        private final Tensor rows;
        private final Tensor columns;

        Grid(Tensor rows, Tensor columns) {
            this.rows = rows;
            this.columns = columns;
        }

        @Override
        public Layout layout() {
            return Layout.GRID;
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(rows, columns);
        }

        @Override
        public void fill(Piece piece, float[] target, int stride) {
            int width = columns.shape().columns();
            int keys = piece.keys();
            Matrix ofRows = rows.sharedMatrix(piece.batch(), piece.head());
            Matrix ofColumns = columns.sharedMatrix(piece.batch(), piece.head());
            for (int r = 0; r < piece.queries(); r++) {
                int query = piece.query() + r;
                int c = 0;
                while (c < keys) {
                    int key = piece.key() + c;
                    int x = key % width;
                    int count = Math.min(keys - c, width - x);
                    int at = r * stride + c;
                    ofColumns.readPart(query, x, count, target, at);
                    float ofRow = ofRows.get(query, key / width);
                    for (int i = at; i < at + count; i++) {
                        target[i] += ofRow;
                    }
                    c += count;
                }
            }
        }

        @Override
        public void check(int batch, int heads, int n, int m) {
            for (Tensor part : tensors()) {
                Shape s = part.shape();
                if (!part.element().isNumber()) {
                    throw new IllegalArgumentException("parts of the pair bias must be of numbers, got "
                            + part.element());
                }
                if (s.batch() != 1 && s.batch() != batch || s.heads() != 1 && s.heads() != heads || s.rows() != n) {
                    throw new IllegalArgumentException("parts of the pair bias must have shape (" + batch + " or 1, "
                            + heads + " or 1, " + n + ", height or width), got " + s);
                }
            }
            if ((long) rows.shape().columns() * columns.shape().columns() != m) {
                throw new IllegalArgumentException("grid of the pair bias must have as many places as there are keys, "
                        + m + ", got " + rows.shape().columns() + " rows of " + columns.shape().columns());
            }
        }
    }
}
