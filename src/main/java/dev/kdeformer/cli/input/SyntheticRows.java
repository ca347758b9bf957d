package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * Continues a sequence with made-up rows, by a smoothed bootstrap (Efron 1979, section 6, with the spread kept as in
 * Silverman and Young 1987): each new row is a row drawn at random, moved by normal noise and drawn back towards the
 * mean so that the variance of every column stays the same. Query, key and value of a new row come from the same old
 * one. The clusters of the old rows stay, only denser, which is what makes such rows easier than real ones.
 */
public final class SyntheticRows {
    /** Standard deviation of the noise, in standard deviations of the column. */
    static final double NOISE = 0.3;

    private static final long PURPOSE = 0x6d6f7265; // "more"

    private SyntheticRows() {
    }

    /**
     * The input with as many rows as asked for.
     *
     * @param arena owns the new tensors
     * @throws UsageError if queries and keys differ in number
     */
    public static NamedInput append(Arena arena, NamedInput named, int rows, long seed) {
        AttentionInput input = named.input();
        if (input.queries() != input.keys()) {
            throw new UsageError("--synthetic needs as many queries as keys, got " + input.queries() + " and "
                    + input.keys());
        }
        if (input.keyBias() != null) {
            throw new UsageError("--synthetic cannot continue a bias of keys; give none");
        }
        Machine.requireMemory((double) named.bytes() / input.queries() * rows, "the input");
        boolean shared = input.key().segment().equals(input.query().segment());
        Tensor query = append(arena, input.query(), rows, seed, 0);
        Tensor key = shared ? query : append(arena, input.key(), rows, seed, 1);
        Tensor value = append(arena, input.value(), rows, seed, 2);
        AttentionInput longer = AttentionInput.of(query, key, value).withScale(input.scale()).withMask(input.mask());
        String about = named.about() + (named.about().isEmpty() ? "" : "; ") + "rows from " + (input.queries() + 1)
                + " on are synthetic";
        return new NamedInput(named.name(), about, named.rank(), longer);
    }

    private static Tensor append(Arena arena, Tensor tensor, int rows, long seed, int which) {
        Shape old = tensor.shape();
        Tensor longer = Tensor.allocate(arena, Shape.of(old.batch(), old.heads(), rows, old.columns()));
        CounterRandom draws = CounterRandom.of(seed).stream(PURPOSE);
        for (int b = 0; b < old.batch(); b++) {
            for (int h = 0; h < old.heads(); h++) {
                append(tensor.matrix(b, h), longer.matrix(b, h), draws,
                        CounterRandom.of(seed).stream(PURPOSE, b, h, which));
            }
        }
        return longer;
    }

    private static void append(Matrix from, Matrix to, CounterRandom draws, CounterRandom noise) {
        int columns = from.columns();
        float[] row = new float[columns];
        double[] mean = new double[columns];
        double[] deviation = new double[columns];
        for (int i = 0; i < from.rows(); i++) {
            from.readRow(i, row, 0);
            to.writeRow(i, row, 0);
            for (int c = 0; c < columns; c++) {
                mean[c] += row[c] / (double) from.rows();
            }
        }
        for (int i = 0; i < from.rows(); i++) {
            for (int c = 0; c < columns; c++) {
                double distance = from.get(i, c) - mean[c];
                deviation[c] += distance * distance / from.rows();
            }
        }
        double shrink = 1 / Math.sqrt(1 + NOISE * NOISE);
        for (int i = from.rows(); i < to.rows(); i++) {
            from.readRow(draws.below(i, from.rows()), row, 0);
            for (int c = 0; c < columns; c++) {
                double moved = row[c] - mean[c]
                        + NOISE * Math.sqrt(deviation[c]) * noise.gaussian((long) i * columns + c);
                row[c] = (float) (mean[c] + shrink * moved);
            }
            to.writeRow(i, row, 0);
        }
    }
}
