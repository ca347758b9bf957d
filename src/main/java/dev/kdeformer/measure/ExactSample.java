package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Objects;

/**
 * Exact output rows at places drawn at random in every head, to hold outputs of several methods against where the
 * whole exact output would cost too much. What it says of a method are the errors on these rows, which differ from
 * those on all rows by chance; {@link Certificate} is for a statement about all rows.
 */
public final class ExactSample {
    private static final long PURPOSE = 0x73616d706c65L; // "sample"

    private final int[][] places;
    private final Shape outputShape;
    private final Tensor exact;

    private ExactSample(int[][] places, Shape outputShape, Tensor exact) {
        this.places = places;
        this.outputShape = outputShape;
        this.exact = exact;
    }

    /**
     * Draws rows without replacement, in each head on its own, and computes them in double precision.
     *
     * @param engine threads; the result does not depend on their number
     * @param arena  owns the rows
     * @param input  what is attended, with mask and bias
     * @param rows   rows in each head; as many as there are if more than that
     * @param seed   the same seed draws the same rows
     * @throws IllegalArgumentException if {@code rows} is below 1
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     */
    public static ExactSample of(Engine engine, Arena arena, AttentionInput input, int rows, long seed) {
        if (rows < 1) {
            throw new IllegalArgumentException("rows must be at least 1, got " + rows);
        }
        Shape shape = Objects.requireNonNull(input, "input").outputShape();
        int drawn = Math.min(rows, shape.rows());
        int[][] places = new int[Math.multiplyExact(shape.batch(), shape.heads())][];
        for (int head = 0; head < places.length; head++) {
            places[head] = CounterRandom.of(seed).stream(PURPOSE, head).sample(shape.rows(), drawn);
        }
        Tensor exact = Tensor.allocate(arena, Shape.of(shape.batch(), shape.heads(), drawn, shape.columns()));
        Team crew = Crews.begin(engine);
        try {
            ExactRows.compute(crew, input.withHiddenKeys(), places, (head, index, row) -> {
                Matrix target = exact.matrix(head / shape.heads(), head % shape.heads());
                for (int c = 0; c < shape.columns(); c++) {
                    target.set(index, c, (float) row[c]);
                }
            });
        } finally {
            Crews.end(engine, crew);
        }
        return new ExactSample(places, shape, exact);
    }

    /** Returns the number of rows in each head. */
    public int rows() {
        return exact.shape().rows();
    }

    /** Returns the exact rows, (batch, heads, rows, d_v), in ascending order of their places. */
    public Tensor exact() {
        return exact;
    }

    /** Returns the places of a head's rows in the output, ascending; a new array. */
    public int[] places(int batchItem, int head) {
        return places[Objects.checkIndex(batchItem, outputShape.batch()) * outputShape.heads()
                + Objects.checkIndex(head, outputShape.heads())].clone();
    }

    /**
     * Measures an approximate output on these rows.
     *
     * @param approximate Õ, (batch, heads, n, d_v)
     * @throws IllegalArgumentException if the output has another shape than the input's
     */
    public ErrorReport error(Engine engine, Tensor approximate) {
        if (!Objects.requireNonNull(approximate, "approximate").shape().equals(outputShape)) {
            throw new IllegalArgumentException("approximate output must have shape " + outputShape + ", got "
                    + approximate.shape());
        }
        try (Arena arena = Arena.ofShared()) {
            Tensor chosen = Tensor.allocate(arena, exact.shape());
            float[] row = new float[outputShape.columns()];
            for (int head = 0; head < places.length; head++) {
                Matrix from = approximate.matrix(head / outputShape.heads(), head % outputShape.heads());
                Matrix to = chosen.matrix(head / outputShape.heads(), head % outputShape.heads());
                for (int i = 0; i < rows(); i++) {
                    from.readRow(places[head][i], row, 0);
                    to.writeRow(i, row, 0);
                }
            }
            return ErrorReport.of(engine, chosen, exact);
        }
    }
}
