package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A bound on the row errors of an approximate output that always holds, without the exact output and without chance.
 * For every query the blocks of keys that may matter most are evaluated exactly, {@code near} keys or a little more; of
 * each other block it is known how much weight it can have (|q·k − q·c| ≤ ‖q‖·r for a key in a ball of centre c and
 * radius r) and how far its values can lie from what the evaluated keys give. It is often loose, far above what
 * {@link Certificate} estimates, where the keys form no tight blocks.
 *
 * <p>All sums are in double precision; a part in 10⁹ is added for their rounding. The cost for each query is that of
 * {@code near} keys and of m/64 block centres, in double precision; a bias per pair is asked for all keys.
 *
 * @param maxRow         no row of any head has a larger Euclidean error ‖õ − o‖₂
 * @param rootMeanSquare ‖Õ − O‖_F / √n is not larger in any head
 * @param heads          the same for each head, those of the first batch item first
 */
public record RowBound(double maxRow, double rootMeanSquare, List<Head> heads) {
    /** Queries of one task. */
    private static final int QUERIES = 64;

    /** Copies the list. */
    public RowBound {
        heads = List.copyOf(heads);
    }

    /**
     * Returns the bounds of one head.
     *
     * @param maxRow         no row has a larger Euclidean error
     * @param rootMeanSquare ‖Õ − O‖_F / √n is not larger
     */
    public record Head(double maxRow, double rootMeanSquare) {
    }

    /**
     * Bounds the errors.
     *
     * @param engine      threads; the result does not depend on their number
     * @param given       what was attended, with mask and bias
     * @param approximate Õ, (batch, heads, n, d_v); where it holds NaN or infinity the bounds are +∞
     * @param near        visible keys to evaluate for each query, at least 1; the more, the tighter
     * @throws IllegalArgumentException if {@code near} is not positive, there is no query, the shape of
     *                                  {@code approximate} is not the output's, or the input holds NaN or infinity
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     */
    public static RowBound of(Engine engine, AttentionInput given, Tensor approximate, int near) {
        Objects.requireNonNull(engine, "engine");
        Shape shape = Objects.requireNonNull(given, "input").outputShape();
        if (!Objects.requireNonNull(approximate, "approximate").shape().equals(shape)) {
            throw new IllegalArgumentException("approximate output must have shape " + shape + ", got "
                    + approximate.shape());
        }
        if (shape.rows() == 0) {
            throw new IllegalArgumentException("input must have at least 1 query, got 0");
        }
        if (near < 1) {
            throw new IllegalArgumentException("near must be at least 1, got " + near);
        }
        AttentionInput input = given.withHiddenKeys();
        Head[] heads = new Head[Math.multiplyExact(shape.batch(), shape.heads())];
        KeyBlocks[] blocks = new KeyBlocks[input.batch() * input.kvHeads()];
        int tasks = Math.ceilDiv(shape.rows(), QUERIES);
        double[] rows = new double[shape.rows()];
        Team crew = Crews.begin(engine);
        try {
            crew.expect((long) heads.length * tasks);
            crew.forEach(blocks.length, (index, scratch) -> blocks[index] = blocks(input, index));
            for (int head = 0; head < heads.length; head++) {
                int batch = head / shape.heads();
                int inItem = head % shape.heads();
                KeyBlocks own = blocks[batch * input.kvHeads() + inItem / input.groupSize()];
                crew.forEach(tasks, (task, scratch) -> {
                    RowBounder bounder = new RowBounder(input, own, approximate, batch, inItem, near);
                    int to = Math.min(rows.length, (task + 1) * QUERIES);
                    for (int i = task * QUERIES; i < to; i++) {
                        rows[i] = bounder.bound(i);
                    }
                    crew.advance(1);
                });
                heads[head] = new Head(Arrays.stream(rows).max().orElseThrow(), rootMeanSquare(rows));
            }
        } finally {
            Crews.end(engine, crew);
        }
        double max = 0;
        double rootMeanSquare = 0;
        for (Head head : heads) {
            max = Math.max(max, head.maxRow);
            rootMeanSquare = Math.max(rootMeanSquare, head.rootMeanSquare);
        }
        return new RowBound(max, rootMeanSquare, List.of(heads));
    }

    private static KeyBlocks blocks(AttentionInput input, int index) {
        int batch = index / input.kvHeads();
        int head = index % input.kvHeads();
        return new KeyBlocks(input.key().matrix(batch, head), input.value().matrix(batch, head),
                ExactRows.bias(input, batch, head * input.groupSize()),
                input.mask().keyLength(batch, input.keys()));
    }

    private static double rootMeanSquare(double[] rows) {
        double sum = 0;
        for (double row : rows) {
            sum += row * row;
        }
        return Math.sqrt(sum / rows.length);
    }
}
