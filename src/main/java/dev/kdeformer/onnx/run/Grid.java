package dev.kdeformer.onnx.run;

import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * Batch and heads of an attention, however many leading dimensions its tensors have.
 *
 * @param batch   batch items
 * @param heads   query heads
 * @param queries rows of the queries n
 * @param keys    rows of the keys m
 * @param lead    leading dimensions of the logits as the graph's first product makes them
 * @param folded  whether batch and heads are one dimension of the tensors that the graph splits for its masks
 */
record Grid(int batch, int heads, int queries, int keys, long[] lead, boolean folded) {
    /**
     * Batch and heads of queries and keys.
     *
     * @param shape where the logits are reshaped: its first target with more than three dimensions, else null
     */
    static Grid of(HeadView query, HeadView key, long[] shape) throws CannotRun {
        int rank = Math.max(query.rank(), key.rank());
        int queries = (int) query.rows();
        int keys = (int) key.rows();
        long[] lead = new long[rank - 2];
        for (int i = 1; i <= lead.length; i++) {
            lead[lead.length - i] = Math.max(size(query.lead(), i), size(key.lead(), i));
        }
        if (shape != null && rank == 3) {
            long total = lead[0];
            long[] sizes = resolve(shape, total * queries * keys);
            int last = sizes.length - 1;
            long heads = sizes[last - 2];
            if (sizes[last] != keys || sizes[last - 1] != queries || heads < 1 || total % heads != 0) {
                throw new CannotRun("its logits are reshaped to " + Arrays.toString(sizes));
            }
            return new Grid(whole(total / heads), whole(heads), queries, keys, lead, true);
        }
        long heads = lead.length == 0 ? 1 : lead[lead.length - 1];
        long batch = 1;
        for (int i = 0; i < lead.length - 1; i++) {
            batch *= lead[i];
        }
        return new Grid(whole(batch), whole(heads), queries, keys, lead, false);
    }

    /** A leading dimension counted from the right, 1 where there is none. */
    private static long size(long[] lead, int fromRight) {
        return fromRight <= lead.length ? lead[lead.length - fromRight] : 1;
    }

    private static int whole(long value) throws CannotRun {
        if (value > Integer.MAX_VALUE) {
            throw new CannotRun("it has more than 2^31 heads");
        }
        return (int) value;
    }

    /** The sizes that a Reshape's operand stands for. */
    static long[] resolve(long[] shape, long elements) throws CannotRun {
        long[] sizes = shape.clone();
        long known = LongStream.of(sizes).filter(size -> size > 0).reduce(1, (a, b) -> a * b);
        long open = LongStream.of(sizes).filter(size -> size == -1).count();
        if (LongStream.of(sizes).anyMatch(size -> size == 0) || open > 1 || known < 1 || elements % known != 0
                || open == 0 && known != elements) {
            throw new CannotRun("its logits are reshaped to " + Arrays.toString(shape));
        }
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = sizes[i] == -1 ? elements / known : sizes[i];
        }
        return sizes;
    }

    /** Dimensions of the logits as the graph's first product makes them. */
    int rank() {
        return lead.length + 2;
    }

    /** Elements of the logits. */
    long logits() {
        return (long) batch * heads * queries * keys;
    }
}
