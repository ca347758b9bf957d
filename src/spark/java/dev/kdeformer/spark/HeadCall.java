package dev.kdeformer.spark;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Mask;
import dev.kdeformer.PartialAttention;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.Serializable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;

/**
 * What a call says of every head, and how a task computes some queries with some keys.
 *
 * @param scale     null for 1/√d
 * @param causal    whether a query sees no keys at later positions than its own
 * @param groupSize query heads that share a key head
 * @param keyEnds   the position after the last valid key of a key head, where not all are valid
 * @param gaussian  the kernel that logits come from; null for products
 */
record HeadCall(MethodSource source, long seed, Float scale, boolean causal, int groupSize,
        Map<Integer, Long> keyEnds, Gaussian gaussian) implements Serializable {
    private static final long serialVersionUID = 1;

    AttentionMethod method() {
        return source.make(seed);
    }

    /** The method of query heads of one key head. */
    AttentionMethod method(int first, int count) {
        return source instanceof CalibratedMethods calibrated ? calibrated.make(seed, first, count) : method();
    }

    /** How many of some keys are valid. */
    int valid(int keyHead, long start, int rows) {
        Long end = keyEnds.get(keyHead);
        return end == null ? rows : (int) Math.max(0, Math.min(rows, end - start));
    }

    /** Whether some query sees one of some keys. */
    boolean seesAny(Block queries, int keyHead, long start, int rows) {
        return valid(keyHead, start, rows) > 0 && !(causal && queries.end() <= start);
    }

    /**
     * The input of a call.
     *
     * @param start    position of the first query
     * @param bias     null for none
     * @param keyStart position of the first key
     */
    AttentionInput input(Tensor query, long start, Tensor key, Tensor value, Tensor bias, int keyHead, long keyStart) {
        AttentionInput input = AttentionInput.of(query, key, value);
        int m = input.keys();
        if (scale != null) {
            input = input.withScale(scale);
        }
        Mask mask = causal ? causalMask(start - keyStart, input.queries(), m) : Mask.none();
        int valid = valid(keyHead, keyStart, m);
        if (valid < m) {
            mask = mask.withKeyLengths(valid);
        }
        input = input.withMask(mask);
        return bias == null ? input : input.withKeyBias(bias);
    }

    private static Mask causalMask(long offset, int n, int m) {
        if (offset >= m - 1) {
            return Mask.none();
        }
        // The rule by name where it is one: many methods take no other offset.
        return offset == m - n ? Mask.causal() : offset == 0 ? Mask.causalUpperLeft()
                : Mask.causalAt((int) Math.max(-n, offset));
    }

    /** The output of a block of queries with a block of keys, of which they see some. */
    Block attend(Block queries, Block keys) {
        Block result = empty(queries, Block.columns(keys.value, keys.rows));
        Tensor bias = keys.bias == null ? null : Tensor.of(MemorySegment.ofArray(keys.bias), Shape.of(1, keys.rows));
        AttentionInput input = input(Block.tensor(queries.query, queries.rows), queries.start,
                Block.tensor(keys.key, keys.rows), Block.tensor(keys.value, keys.rows), bias, keys.head, keys.start);
        method().apply(Engines.ofTask(), input, Block.tensor(result.query, result.rows),
                Block.tensor(result.bias, result.rows));
        complete(input.query().matrix(0, 0), Block.tensor(result.bias, result.rows).matrix(0, 0));
        return result;
    }

    /** Adds to log-sums what a Gaussian kernel has of the query alone. */
    void complete(Matrix queries, Matrix sums) {
        for (int row = 0; gaussian != null && row < sums.rows(); row++) {
            sums.set(row, 0, (float) (sums.get(row, 0) + gaussian.ofQuery(queries, row)));
        }
    }

    /** A block of results that holds zeros. */
    static Block empty(Block queries, int dv) {
        Block result = new Block(queries.head, queries.start, queries.rows);
        result.query = new byte[Math.multiplyExact(queries.rows, dv * Float.BYTES)];
        result.bias = new byte[queries.rows * Float.BYTES];
        return result;
    }

    /** What queries that see no key get. */
    static Block unseen(Block queries, int dv) {
        Block result = empty(queries, dv);
        Tensor sums = Block.tensor(result.bias, result.rows);
        for (int row = 0; row < result.rows; row++) {
            sums.matrix(0, 0).set(row, 0, Float.NEGATIVE_INFINITY);
        }
        return result;
    }

    /** The partial result of some queries with some keys. */
    PartialAttention part(Block queries, Block keys) {
        Block result = attend(queries, keys);
        return PartialAttention.of(Block.tensor(result.query, result.rows), Block.tensor(result.bias, result.rows));
    }

    /** The result of merged parts. */
    static Block merged(Block queries, PartialAttention merged) {
        Block result = empty(queries, merged.shape().columns());
        try (Arena arena = Arena.ofConfined()) {
            copy(merged.output(arena), result.query);
            copy(merged.logSumExp(arena), result.bias);
        }
        return result;
    }

    private static void copy(Tensor tensor, byte[] bytes) {
        MemorySegment.copy(tensor.segment(), ValueLayout.JAVA_BYTE, 0, bytes, 0,
                bytes.length);
    }
}
