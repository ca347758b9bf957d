package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Mask;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** Packed sequences as a call for each of them, for methods whose work knows nothing of them. */
public final class Sequences {
    private Sequences() {
    }

    /** The inputs of the sequences that have queries, by their number. */
    private static List<Integer> numbers(Mask mask) {
        List<Integer> numbers = new ArrayList<>();
        for (int s = 0; s < mask.sequences(); s++) {
            if (mask.sequenceQuery(s + 1) > mask.sequenceQuery(s)) {
                numbers.add(s);
            }
        }
        return numbers;
    }

    /** The input of each sequence that has queries; where rows are not packed, the input itself. */
    public static List<AttentionInput> of(AttentionInput input) {
        return input.mask().hasSequences() ? numbers(input.mask()).stream().map(s -> of(input, s)).toList()
                : List.of(input);
    }

    private static AttentionInput of(AttentionInput input, int s) {
        Mask mask = input.mask();
        int query = mask.sequenceQuery(s);
        int key = mask.sequenceKey(s);
        int keys = mask.sequenceKey(s + 1) - key;
        AttentionInput one = AttentionInput.of(input.query().rows(query, mask.sequenceQuery(s + 1) - query),
                input.key().rows(key, keys), input.value().rows(key, keys)).withScale(input.scale())
                .withMask(mask.ofSequence(s));
        return input.keyBias() == null ? one : one.withKeyBias(columns(input.keyBias(), key, keys));
    }

    private static Tensor columns(Tensor biases, int first, int count) {
        Shape shape = biases.shape();
        Tensor part = Tensor.allocate(Arena.ofAuto(), shape.withColumns(count));
        float[] row = new float[count];
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                biases.matrix(b, h).readPart(0, first, count, row, 0);
                part.matrix(b, h).writeRow(0, row, 0);
            }
        }
        return part;
    }

    /**
     * Computes the sequences of a checked call one after the other, and what queries outside of them get.
     *
     * @param run computes a call without sequences
     */
    static Statistics run(AttentionInput input, Tensor output, Tensor logSumExp, Team team,
            Function<Call, Statistics> run) {
        Mask mask = input.mask();
        double columns = 0;
        double error = Double.NaN;
        Set<String> notes = new LinkedHashSet<>();
        int done = 0;
        for (int s : numbers(mask)) {
            int first = mask.sequenceQuery(s);
            int queries = mask.sequenceQuery(s + 1) - first;
            unseeing(output, logSumExp, done, first - done);
            done = first + queries;
            AttentionInput one = of(input, s).withHiddenKeys();
            Tensor rows = output.rows(first, queries);
            Tensor sums = logSumExp == null ? null : logSumExp.rows(first, queries);
            if (one.isEmpty()) {
                unseeing(output, logSumExp, first, queries);
                continue;
            }
            Statistics each = run.apply(new Call(one, rows, sums, team));
            columns += each.columns() * queries / input.queries();
            error = Double.isNaN(error) ? each.error() : Math.max(error, Double.isNaN(each.error()) ? 0 : each.error());
            if (!each.note().isEmpty()) {
                notes.add(each.note());
            }
        }
        unseeing(output, logSumExp, done, input.queries() - done);
        notes.add(mask.sequences() + " packed sequences, each computed by itself");
        return new Statistics(columns, String.join("; ", notes), error);
    }

    /** Writes the rows of queries that see no key. */
    private static void unseeing(Tensor output, Tensor logSumExp, int first, int count) {
        MethodFrame.zero(output.rows(first, count));
        for (int b = 0; b < output.shape().batch() && logSumExp != null; b++) {
            for (int h = 0; h < output.shape().heads(); h++) {
                for (int i = first; i < first + count; i++) {
                    logSumExp.matrix(b, h).set(i, 0, Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    /**
     * What a call would need: the most that a sequence needs, and the operations of all.
     *
     * @param estimate of an input without sequences that is not empty
     */
    public static Estimate estimate(AttentionInput input, Function<AttentionInput, Estimate> estimate) {
        long bytes = 0;
        double operations = 0;
        for (AttentionInput one : of(input)) {
            Estimate each = one.isEmpty() ? Estimate.NOTHING : estimate.apply(one);
            bytes = Math.max(bytes, each.scratchBytes());
            operations += each.operations();
        }
        return new Estimate(bytes, operations);
    }
}
