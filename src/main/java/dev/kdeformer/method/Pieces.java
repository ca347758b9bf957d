package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Packed sequences and padded queries as calls without either, for methods whose work knows nothing of them: a call for
 * each sequence, and where its queries are padded differently, for each batch item. A mask with a window is not cut,
 * since only exact work is done under one, which knows both.
 */
public final class Pieces {
    private Pieces() {
    }

    /**
     * A part of an input.
     *
     * @param end the query after those that are padding
     */
    private record Piece(int item, int items, int query, int queries, int end, int key, int keys) {
        AttentionInput of(AttentionInput input) {
            AttentionInput part = AttentionInput.of(ofQueries(input.query()), ofKeys(input.key()),
                    ofKeys(input.value())).withScale(input.scale()).withMask(mask(input));
            part = input.hasSinks() ? Sinks.of(input).with(part) : part;
            return input.keyBias() == null ? part : part.withKeyBias(columns(input.keyBias()));
        }

        Tensor ofQueries(Tensor tensor) {
            return part(tensor, query, queries);
        }

        Tensor ofKeys(Tensor tensor) {
            return part(tensor, key, keys);
        }

        private Tensor part(Tensor tensor, int first, int count) {
            return tensor.items(item, items).rows(first, count);
        }

        /** The same part of an output or log-sum-exp, of its padding where that is asked for; null of null. */
        Tensor part(Tensor written, boolean padding) {
            return written == null ? null : part(written, padding ? query + queries : query,
                    padding ? end - query - queries : queries);
        }

        private Mask mask(AttentionInput input) {
            Mask whole = input.mask();
            Mask mask = switch (whole.causality()) {
                case NONE -> Mask.none();
                case LOWER_RIGHT -> Mask.causal();
                case UPPER_LEFT -> Mask.causalUpperLeft();
                case OFFSET -> Mask.causalAt(whole.causalOffset(0, 0));
            };
            return !whole.hasKeyLengths() ? mask : mask.withKeyLengths(IntStream.range(item, item + items)
                    .map(b -> Math.clamp(whole.keyLength(b, input.keys()), key, key + keys) - key).toArray());
        }

        private Tensor columns(Tensor biases) {
            Tensor own = biases.shape().batch() == 1 ? biases : biases.items(item, items);
            Shape shape = own.shape();
            Tensor part = Tensor.allocate(Arena.ofAuto(), shape.withColumns(keys));
            float[] row = new float[keys];
            for (int b = 0; b < shape.batch(); b++) {
                for (int h = 0; h < shape.heads(); h++) {
                    own.matrix(b, h).readPart(0, key, keys, row, 0);
                    part.matrix(b, h).writeRow(0, row, 0);
                }
            }
            return part;
        }
    }

    /** Whether an input is one call as it is. */
    static boolean isWhole(Mask mask) {
        return mask.hasWindow() || !mask.hasSequences() && !mask.hasQueryLengths();
    }

    private static List<Piece> cut(AttentionInput input) {
        Mask mask = input.mask();
        List<Piece> pieces = new ArrayList<>();
        if (!mask.hasSequences()) {
            cut(input, 0, input.queries(), 0, input.keys(), pieces);
        }
        for (int s = 0; s < mask.sequences(); s++) {
            cut(input, mask.sequenceQuery(s), mask.sequenceQuery(s + 1), mask.sequenceKey(s), mask.sequenceKey(s + 1),
                    pieces);
        }
        return pieces;
    }

    /** Adds the pieces of queries [query, end) with keys [key, keyEnd), in the order of their batch items. */
    private static void cut(AttentionInput input, int query, int end, int key, int keyEnd, List<Piece> pieces) {
        if (end == query) {
            return;
        }
        int[] lengths = IntStream.range(0, input.batch())
                .map(b -> Math.clamp(input.mask().queryLength(b, input.queries()), query, end) - query).toArray();
        boolean alike = IntStream.of(lengths).distinct().count() <= 1;
        for (int b = 0; b < lengths.length; b += alike ? lengths.length : 1) {
            // Without the last queries the lower right corner is that of fewer keys, and none of the others is seen.
            int keys = input.mask().causality() != Mask.Causality.LOWER_RIGHT ? keyEnd - key
                    : Math.max(0, keyEnd - key - (end - query - lengths[b]));
            pieces.add(new Piece(b, alike ? lengths.length : 1, query, lengths[b], end, key, keys));
        }
    }

    /** The inputs of all calls that an input is; where it needs no cut, the input itself. */
    public static List<AttentionInput> of(AttentionInput input) {
        return isWhole(input.mask()) ? List.of(input) : cut(input).stream().map(piece -> piece.of(input)).toList();
    }

    /** Queries or keys of a call, whatever are fewer: those of the longest piece. */
    public static int longest(AttentionInput input) {
        return isWhole(input.mask()) ? Math.min(input.queries(), input.keys())
                : cut(input).stream().mapToInt(piece -> Math.min(piece.queries(), piece.keys())).max().orElse(0);
    }

    /**
     * Computes the pieces of a checked call one after the other, and what queries outside of them get.
     *
     * @param run computes a call without packed sequences and padded queries
     */
    static Statistics run(Call whole, Function<Call, Statistics> run) {
        AttentionInput input = whole.input();
        Tensor output = whole.output();
        Tensor logSumExp = whole.logSumExp();
        Mask mask = input.mask();
        double columns = 0;
        double error = Double.NaN;
        Set<String> notes = new LinkedHashSet<>();
        int done = 0;
        boolean apart = false;
        for (Piece piece : cut(input)) {
            MethodFrame.unseeing(input, rows(output, done, piece.query()), rows(logSumExp, done, piece.query()));
            done = Math.max(done, piece.end());
            apart |= piece.items() < input.batch();
            AttentionInput one = piece.of(input);
            MethodFrame.unseeing(one, piece.part(output, true), piece.part(logSumExp, true));
            Tensor itsOutput = piece.part(output, false);
            Tensor itsSums = piece.part(logSumExp, false);
            if (one.isEmpty()) {
                MethodFrame.unseeing(one, itsOutput, itsSums);
                continue;
            }
            Statistics each = run.apply(whole.part(one, itsOutput, itsSums));
            columns += each.columns() * one.queries() * piece.items() / ((double) input.queries() * input.batch());
            error = Double.isNaN(error) ? each.error() : Math.max(error, Double.isNaN(each.error()) ? 0 : each.error());
            if (!each.note().isEmpty()) {
                notes.add(each.note());
            }
        }
        MethodFrame.unseeing(input, rows(output, done, input.queries()), rows(logSumExp, done, input.queries()));
        if (mask.hasSequences()) {
            notes.add(mask.sequences() + " packed sequences, each computed by itself");
        }
        if (apart) {
            notes.add(input.batch() + " batch items, whose queries are padded differently, each computed by itself");
        }
        return new Statistics(columns, String.join("; ", notes), error);
    }

    /**
     * Computes the gradients of the pieces of a checked call one after the other; all others are zeros.
     *
     * @param run computes those of a call without packed sequences and padded queries
     */
    static void gradients(GradientCall whole, Consumer<GradientCall> run) {
        whole.gradients().tensors().forEach(MethodFrame::zero);
        for (Piece piece : cut(whole.input())) {
            AttentionInput one = piece.of(whole.input());
            if (!one.isEmpty()) {
                Call forward = whole.forward().part(one, piece.ofQueries(whole.forward().output()),
                        piece.ofQueries(whole.forward().logSumExp()));
                InputGradients gradients = new InputGradients(piece.ofQueries(whole.dQuery()),
                        piece.ofKeys(whole.dKey()), piece.ofKeys(whole.dValue()));
                run.accept(new GradientCall(forward, piece.ofQueries(whole.outputGradient()), gradients,
                        whole.biases()));
            }
        }
    }

    /**
     * The function that the pieces of a call are together.
     *
     * @param fixed gives that of a call without packed sequences and padded queries
     */
    static FixedFunction fixed(Call whole, Function<Call, FixedFunction> fixed) {
        AttentionInput input = whole.input();
        Map<Piece, FixedFunction> functions = new LinkedHashMap<>();
        for (Piece piece : cut(input)) {
            AttentionInput one = piece.of(input);
            if (!one.isEmpty()) {
                functions.put(piece, fixed.apply(whole.part(one, piece.ofQueries(whole.output()), null)));
            }
        }
        return (unit, query, key, value) -> {
            double[][] outputs = new double[input.groupSize()][input.queries() * input.dv()];
            functions.forEach((piece, function) -> {
                if (piece.item() <= unit / input.kvHeads() && unit / input.kvHeads() < piece.item() + piece.items()) {
                    outputs(input, unit, piece, function, new double[][][] {query, key, value}, outputs);
                }
            });
            return outputs;
        };
    }

    /** Writes what a piece is of the outputs of the query heads that read a key head. */
    private static void outputs(AttentionInput input, int unit, Piece piece, FixedFunction function,
            double[][][] elements, double[][] outputs) {
        int group = input.groupSize();
        int own = unit - piece.item() * input.kvHeads();
        int units = piece.items() * input.kvHeads();
        double[][] query = new double[units * group][];
        double[][] key = new double[units][];
        double[][] value = new double[units][];
        for (int member = 0; member < group; member++) {
            query[own * group + member] = Arrays.copyOfRange(elements[0][unit * group + member],
                    piece.query() * input.d(), (piece.query() + piece.queries()) * input.d());
        }
        int keyEnd = piece.key() + piece.keys();
        key[own] = Arrays.copyOfRange(elements[1][unit], piece.key() * input.d(), keyEnd * input.d());
        value[own] = Arrays.copyOfRange(elements[2][unit], piece.key() * input.dv(), keyEnd * input.dv());
        double[][] parts = function.outputs(own, query, key, value);
        for (int member = 0; member < group; member++) {
            System.arraycopy(parts[member], 0, outputs[member], piece.query() * input.dv(), parts[member].length);
        }
    }

    /** Rows [first, end), none where the second is not greater. */
    private static Tensor rows(Tensor tensor, int first, int end) {
        return tensor == null ? null : tensor.rows(first, Math.max(0, end - first));
    }

    /**
     * What a call would need: the most that a piece needs, and the operations of all.
     *
     * @param estimate of an input without packed sequences and padded queries that is not empty
     */
    public static Estimate estimate(AttentionInput input, Function<AttentionInput, Estimate> estimate) {
        long bytes = 0;
        double operations = 0;
        for (AttentionInput one : of(input)) {
            Estimate each = one.isEmpty() ? Estimate.NOTHING : estimate.apply(one);
            bytes = Math.max(bytes, each.scratchBytes());
            operations += each.operations();
        }
        return new Estimate(bytes + Sinks.bytes(input), operations);
    }
}
