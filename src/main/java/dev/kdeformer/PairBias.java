package dev.kdeformer;

import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What is added to the logit of every pair of a query and a key, in natural logarithm units, after the soft cap and
 * before the mask. It is never held as a matrix: kernels ask for a few rows and keys at a time. −∞, or anything up to
 * {@link AttentionInput#HIDING_BIAS}, hides the key from the query.
 *
 * <p>Implementations are values that may be asked by many threads at once, and give the same for the same pair always.
 */
public interface PairBias {
    /** How biases lie, which kernels read some of without asking for every piece. */
    enum Layout {
        /** In no way that a kernel knows: it asks for a piece at a time. */
        PIECES,
        /** A bias is a function of its head and of key − query; pieces may be asked for that end past the last key. */
        DISTANCES,
        /**
         * As the sum of two {@link #tensors}, the parts by row and by column of a grid of keys, of the shapes that
         * {@link #decomposed} takes.
         */
        GRID
    }

    /**
     * Some queries that follow each other, with some keys that do.
     *
     * @param batch   batch item
     * @param head    query head
     * @param query   first query
     * @param queries number of queries
     * @param key     first key
     * @param keys    number of keys
     */
    record Piece(int batch, int head, int query, int queries, int key, int keys) {
    }

    /**
     * Writes the biases of some queries and some keys that follow each other.
     *
     * @param piece  which of them
     * @param target receives the biases: those of the piece's query r and key c at {@code r · stride + c}; neither NaN
     *               nor +∞
     * @param stride distance of rows in {@code target}
     */
    void fill(Piece piece, float[] target, int stride);

    /** Returns a number that no finite bias exceeds in magnitude; logits with it have to stay below 1e36. */
    default double bound() {
        return 1e30;
    }

    /**
     * Checks that the biases fit an input.
     *
     * @throws IllegalArgumentException if they have another shape, or hold NaN or +∞
     */
    default void check(int batch, int heads, int n, int m) {
    }

    /**
     * Returns the number of parameters that the biases are, each of which many pairs may share; 0, unless told, for
     * none.
     */
    default int parameters() {
        return 0;
    }

    /**
     * Returns the parameter that the bias of a pair is, for gradients by parameters.
     *
     * @return from 0 to {@link #parameters} − 1, or −1 for none
     */
    default int parameter(int head, int query, int key) {
        return -1;
    }

    /** How the biases lie; unless told, as pieces. It says how they may be read, and never what they are. */
    default Layout layout() {
        return Layout.PIECES;
    }

    /**
     * Returns the tensors that the biases come from, whose memory and elements are checked before a call; none by
     * default.
     */
    default List<Tensor> tensors() {
        return List.of();
    }

    /**
     * Biases from memory: shape (batch or 1, heads or 1, n or 1, m), of any strides. Elements may be finite or −∞; of
     * {@link dev.kdeformer.tensor.Element#BOOL} they are 0 where they are true and hide the key where they are false.
     *
     * @throws NullPointerException if {@code tensor} is null
     */
    static PairBias of(Tensor tensor) {
        return new PairBiases.Dense(Objects.requireNonNull(tensor, "tensor"));
    }

    /**
     * Attention with linear biases (Press et al. 2022): −slope · |p − j| for key j and a query that stands at key p =
     * i + offset. Under a causal mask it is the one-sided form, without one the two-sided.
     *
     * @param offset key that the first query stands at: m − n where queries are the last of the sequence
     * @param slopes one for every query head, finite
     * @throws IllegalArgumentException if a slope is not finite
     */
    static PairBias alibi(int offset, float... slopes) {
        for (int h = 0; h < slopes.length; h++) {
            if (!Float.isFinite(slopes[h])) {
                throw new IllegalArgumentException("slope of head " + h + " must be finite, got " + slopes[h]);
            }
        }
        float[] own = slopes.clone();
        return new PairBiases.Distance(own.length, offset, 1e9 * PairBiases.largest(own)) {
            @Override
            void row(int head, long distance, int keys, float[] target, int at) {
                PairBiases.ramp(-own[head], distance, keys, target, at);
            }
        };
    }

    /**
     * Returns the slopes of {@link #alibi} as published: 2^(−8 (h + 1) / heads) for head h of a power of two of heads.
     */
    static float[] alibiSlopes(int heads) {
        int power = Integer.highestOneBit(Math.max(1, heads));
        float[] slopes = new float[heads];
        for (int h = 0; h < heads; h++) {
            // Further heads take every second slope of twice as many heads.
            double exponent = h < power ? (h + 1.0) / power : (h - power + 0.5) / power;
            slopes[h] = (float) Math.pow(2, -8 * exponent);
        }
        return slopes;
    }

    /**
     * Makes a bias for every head and distance j − p of key j from the key p = i + offset that a query stands at, as
     * relative positions and buckets of distances have it. Distances beyond the table take its first or last entry.
     *
     * @param offset key that the first query stands at
     * @param least  the distance that the first column is for
     * @param table  (heads or 1, distances), finite or −∞
     * <p>The entries are {@link #parameters}, row by row.
     *
     * @throws IllegalArgumentException if the table is empty, its rows differ in length, or an entry is NaN or +∞
     */
    static PairBias byDistance(int offset, int least, float[]... table) {
        float largest = 0;
        float[][] own = new float[table.length][];
        for (int h = 0; h < table.length; h++) {
            own[h] = table[h].clone();
            if (own[h].length == 0 || own[h].length != own[0].length) {
                throw new IllegalArgumentException("rows of the table must have the same positive length, got "
                        + own[h].length + " for head " + h);
            }
            largest = Math.max(largest, PairBiases.largest(own[h]));
        }
        return new PairBiases.Distance(own.length, offset, largest) {
            @Override
            public int parameters() {
                return own.length * own[0].length;
            }

            @Override
            public int parameter(int head, int query, int key) {
                long place = (long) key - query - offset - least;
                int entry = (int) Math.max(0, Math.min(own[0].length - 1, place));
                return Math.min(head, own.length - 1) * own[0].length + entry;
            }

            @Override
            void row(int head, long distance, int keys, float[] target, int at) {
                float[] biases = own[head];
                long first = distance - least;
                int before = (int) Math.max(0, Math.min(keys, -first));
                int inside = (int) Math.max(before, Math.min(keys, biases.length - first));
                Arrays.fill(target, at, at + before, biases[0]);
                if (inside > before) {
                    System.arraycopy(biases, (int) (first + before), target, at + before, inside - before);
                }
                Arrays.fill(target, at + inside, at + keys, biases[biases.length - 1]);
            }
        };
    }

    /**
     * Makes a bias that is a sum of a row's part and a column's, for keys that form a grid, as image encoders have it:
     * key y · width + x of query i gets rows[i][y] + columns[i][x].
     *
     * @param rows    (batch or 1, heads or 1, n, height)
     * @param columns (batch or 1, heads or 1, n, width)
     */
    static PairBias decomposed(Tensor rows, Tensor columns) {
        return new PairBiases.Grid(Objects.requireNonNull(rows, "rows"), Objects.requireNonNull(columns, "columns"));
    }
}
