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

    /** The numbers of the sequences that have queries. */
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

    /** Queries or keys, whatever are fewer: those of the longest sequence, or of an input that is not packed. */
    public static int longest(AttentionInput input) {
        Mask mask = input.mask();
        if (!mask.hasSequences()) {
            return Math.min(input.queries(), input.keys());
        }
        return numbers(mask).stream().mapToInt(s -> Math.min(mask.sequenceQuery(s + 1) - mask.sequenceQuery(s),
                mask.sequenceKey(s + 1) - mask.sequenceKey(s))).max().orElse(0);
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
            int end = mask.sequenceQuery(s + 1);
            MethodFrame.unseeing(input, rows(output, done, first), rows(logSumExp, done, first));
            done = end;
            AttentionInput one = of(input, s).withHiddenKeys();
            if (one.isEmpty()) {
                MethodFrame.unseeing(one, rows(output, first, end), rows(logSumExp, first, end));
                continue;
            }
            Statistics each = run.apply(new Call(one, rows(output, first, end), rows(logSumExp, first, end), team));
            columns += each.columns() * one.queries() / input.queries();
            error = Double.isNaN(error) ? each.error() : Math.max(error, Double.isNaN(each.error()) ? 0 : each.error());
            if (!each.note().isEmpty()) {
                notes.add(each.note());
            }
        }
        MethodFrame.unseeing(input, rows(output, done, input.queries()), rows(logSumExp, done, input.queries()));
        notes.add(mask.sequences() + " packed sequences, each computed by itself");
        return new Statistics(columns, String.join("; ", notes), error);
    }

    private static Tensor rows(Tensor tensor, int first, int end) {
        return tensor == null ? null : tensor.rows(first, end - first);
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
