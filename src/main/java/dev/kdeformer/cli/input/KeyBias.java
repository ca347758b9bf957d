package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** What files add to the logits of keys, all of them together. */
final class KeyBias {
    private final Arena arena;
    private final AttentionInput input;
    private final int fileQueries;
    private final int fileKeys;
    private Tensor sum;
    private Tensor pairs;

    /**
     * Nothing yet.
     *
     * @param arena    owns the tensor
     * @param input    what is biased
     * @param whole    the input that files speak of, of whose queries and keys {@code input} may have the first only
     */
    KeyBias(Arena arena, AttentionInput input, AttentionInput whole) {
        this.arena = arena;
        this.input = input;
        this.fileQueries = whole.queries();
        this.fileKeys = whole.keys();
    }

    /** The input with all that was added. */
    AttentionInput biased() {
        AttentionInput biased = sum == null ? input : input.withKeyBias(sum);
        return pairs == null ? biased : biased.withPairBias(PairBias.of(pairs));
    }

    /**
     * Adds a file.
     *
     * @param option that names the file, for messages
     * @param mask   whether truth values and whole numbers are taken, which say what is seen
     * @throws UsageError  if the file does not fit the input
     * @throws IOException if it cannot be read
     */
    void add(String option, Path file, boolean mask) throws IOException {
        MaskFile values = read(option, file, mask);
        if (mask && speaksOfPairs(values.dimensions())) {
            pairs = pairs(option, values);
            return;
        }
        Shape shape = shape(option, values.dimensions());
        widen(Math.max(shape.batch(), sum == null ? 1 : sum.shape().batch()),
                Math.max(shape.heads(), sum == null ? 1 : sum.shape().heads()));
        for (int b = 0; b < sum.shape().batch(); b++) {
            for (int h = 0; h < sum.shape().heads(); h++) {
                int from = (b % shape.batch() * shape.heads() + h % shape.heads()) * fileKeys;
                for (int j = 0; j < input.keys(); j++) {
                    sum.matrix(b, h).set(0, j, sum.matrix(b, h).get(0, j) + values.bias(from + j));
                }
            }
        }
    }

    /**
     * Adds a file with a number for every pair of a query and a key.
     *
     * @throws UsageError  if the file does not fit the input, or one for pairs has been added before
     * @throws IOException if it cannot be read
     */
    void addPairs(String option, Path file) throws IOException {
        if (pairs != null) {
            throw new UsageError(option + " and a --mask for pairs of queries and keys exclude each other");
        }
        pairs = pairs(option, read(option, file, false));
    }

    private static MaskFile read(String option, Path file, boolean mask) throws IOException {
        MaskFile values = MaskFile.read(StandardStreams.regular(file), file.toString());
        if (!mask && values.saysWhatIsSeen()) {
            throw new UsageError(option + " takes numbers, and " + file + " holds " + values.element()
                    + "; --mask takes those");
        }
        return values;
    }

    /** Whether a file has a row for every query; of two dimensions, a row for every batch item is taken first. */
    private boolean speaksOfPairs(List<Long> dimensions) {
        int rank = dimensions.size();
        return rank >= 2 && fileQueries > 1 && dimensions.get(rank - 2) == fileQueries
                && (rank > 2 || input.batch() == 1 || dimensions.get(0) != input.batch());
    }

    /** A file of (n, m), (heads or 1, n, m) or (batch or 1, heads or 1, n, m). */
    private Tensor pairs(String option, MaskFile values) {
        List<Long> dimensions = values.dimensions();
        int rank = dimensions.size();
        long heads = rank < 3 ? 1 : dimensions.get(rank - 3);
        long batch = rank < 4 ? 1 : dimensions.get(0);
        if (rank < 2 || rank > 4 || dimensions.get(rank - 2) != fileQueries || dimensions.get(rank - 1) != fileKeys
                || heads != 1 && heads != input.heads()
                || batch != 1 && batch != input.batch()) {
            throw new UsageError(option + " must have shape (" + fileQueries + ", " + fileKeys + "), (" + input.heads()
                    + " or 1, " + fileQueries + ", " + fileKeys + ") or (" + input.batch() + " or 1, " + input.heads()
                    + " or 1, " + fileQueries + ", " + fileKeys + "), got " + text(dimensions));
        }
        Machine.requireMemory((double) batch * heads * input.queries() * input.keys() * Float.BYTES, option);
        Tensor tensor = Tensor.allocate(arena, Shape.of((int) batch, (int) heads, input.queries(), input.keys()));
        for (int unit = 0; unit < batch * heads; unit++) {
            Matrix matrix = tensor.matrix(unit / (int) heads, unit % (int) heads);
            for (int i = 0; i < input.queries(); i++) {
                for (int j = 0; j < input.keys(); j++) {
                    matrix.set(i, j, values.bias((unit * fileQueries + i) * fileKeys + j));
                }
            }
        }
        return tensor;
    }

    private static String text(List<Long> dimensions) {
        return dimensions.stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
    }

    private void widen(int batch, int heads) {
        Tensor wider = Tensor.allocate(arena, Shape.of(batch, heads, 1, input.keys()));
        for (int b = 0; sum != null && b < batch; b++) {
            for (int h = 0; h < heads; h++) {
                for (int j = 0; j < input.keys(); j++) {
                    wider.matrix(b, h).set(0, j,
                            sum.matrix(b % sum.shape().batch(), h % sum.shape().heads()).get(0, j));
                }
            }
        }
        sum = wider;
    }

    /** The dimensions as (batch or 1, heads of keys or 1, 1, m). */
    private Shape shape(String option, List<Long> dimensions) {
        int rank = dimensions.size();
        long keys = rank == 0 ? 0 : dimensions.get(rank - 1);
        long rows = rank < 3 ? 1 : dimensions.get(rank - 2);
        long heads = rank < 3 ? 1 : dimensions.get(rank - 3);
        long batch = rank == 2 ? dimensions.get(0) : rank == 4 ? dimensions.get(0) : 1;
        boolean fits = rank >= 1 && rank <= 4 && keys == fileKeys && rows == 1
                && (heads == 1 || heads == input.kvHeads()) && (batch == 1 || batch == input.batch());
        if (!fits) {
            throw new UsageError(option + " must have shape (" + fileKeys + "), (" + input.batch() + " or 1, "
                    + fileKeys + ") or (" + input.batch() + " or 1, " + input.kvHeads() + " or 1, 1, " + fileKeys
                    + "), got " + text(dimensions));
        }
        return Shape.of((int) batch, (int) heads, 1, fileKeys);
    }
}
