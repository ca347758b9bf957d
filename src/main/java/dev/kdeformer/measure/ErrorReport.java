package dev.kdeformer.measure;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The errors of an approximate output tensor against the exact one, head by head.
 *
 * @param batch number of batch items
 * @param heads number of heads of an item
 * @param each  the errors of every head, those of the first batch item first
 */
public record ErrorReport(int batch, int heads, List<ErrorMeasures> each) {
    /**
     * Checks that there is an entry for every head.
     *
     * @throws IllegalArgumentException if {@code batch} or {@code heads} is not positive or the list has another size
     */
    public ErrorReport {
        each = List.copyOf(each);
        if (batch < 1 || heads < 1 || each.size() != (long) batch * heads) {
            throw new IllegalArgumentException("each must have batch · heads = " + batch + " · " + heads
                    + " entries, at least 1, got " + each.size());
        }
    }

    /**
     * Measures an approximate output. All sums are in double precision and in an order that does not depend on the
     * number of threads; the operator norms are the square roots of the largest eigenvalues of d_v × d_v Gram matrices,
     * found directly and not by iteration on a random vector, which can stall below the largest.
     *
     * @param engine      threads
     * @param approximate Õ, (batch, heads, n, d_v)
     * @param exact       O, of the same shape
     * @throws IllegalArgumentException if the shapes differ or the exact output holds NaN or infinity
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     */
    public static ErrorReport of(Engine engine, Tensor approximate, Tensor exact) {
        Objects.requireNonNull(engine, "engine");
        Shape shape = Objects.requireNonNull(exact, "exact").shape();
        if (!Objects.requireNonNull(approximate, "approximate").shape().equals(shape)) {
            throw new IllegalArgumentException("approximate and exact output must have the same shape, got "
                    + approximate.shape() + " and " + shape);
        }
        List<ErrorMeasures> each = new ArrayList<>();
        Team crew = Crews.begin(engine);
        try {
            crew.expect((long) shape.batch() * shape.heads());
            for (int b = 0; b < shape.batch(); b++) {
                for (int h = 0; h < shape.heads(); h++) {
                    each.add(HeadComparison.measure(crew, approximate.matrix(b, h), exact.matrix(b, h)));
                    crew.advance(1);
                }
            }
        } finally {
            Crews.end(engine, crew);
        }
        return new ErrorReport(shape.batch(), shape.heads(), each);
    }

    /**
     * Returns the errors of one head.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item or head
     */
    public ErrorMeasures head(int batchItem, int head) {
        return each.get(Objects.checkIndex(batchItem, batch) * heads + Objects.checkIndex(head, heads));
    }

    /** The mean of each measure over all heads of all batch items. */
    public ErrorMeasures mean() {
        return ErrorMeasures.mean(each);
    }

    /** Returns the largest of each measure over all heads of all batch items. */
    public ErrorMeasures max() {
        return ErrorMeasures.max(each);
    }
}
