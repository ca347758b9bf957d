package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.Option;

/** What models learn and add to logits: sinks, and biases by distance or by place in a grid. */
final class LearntOptions {
    @Option(names = "--sinks", paramLabel = "S", split = ",", order = 19,
            description = "Logits that take weight and have no value: one for all query heads, or one for each, "
                    + "comma-separated. For all methods but provable and nystrom.")
    private Float[] sinks;

    @Option(names = "--distance-bias", paramLabel = "FILE.npy", order = 19,
            description = "A bias by the distance of a key from the place a query stands at, an odd number of columns "
                    + "with distance 0 in the middle: (1, distances) or (heads, distances); what is farther takes the "
                    + "first or the last. For methods exact and auto.")
    private Path distances;

    @Option(names = "--grid-bias", paramLabel = "ROWS.npy,COLUMNS.npy", split = ",", order = 19,
            description = "A bias for keys that form a grid, the sum of one by row and one by column, as image "
                    + "encoders have it: (n, height) and (n, width), or with (heads or 1) or (batch or 1, heads or 1) "
                    + "before. For methods exact and auto.")
    private Path[] grid;

    /** The first of these options that is given, or null. */
    String given() {
        return sinks != null ? "--sinks" : distances != null ? "--distance-bias" : grid != null ? "--grid-bias" : null;
    }

    /**
     * The input with what is given.
     *
     * @param arena  owns what is read
     * @param offset key that the first query stands at
     * @throws UsageError  if it does not fit the input, or pairs have a bias already
     * @throws IOException if a file cannot be read
     */
    AttentionInput refine(Arena arena, AttentionInput input, int offset) throws IOException {
        AttentionInput refined = input;
        if (sinks != null) {
            float[] each = new float[input.heads()];
            if (sinks.length != 1 && sinks.length != each.length) {
                throw new UsageError("--sinks must be 1 or " + each.length + " numbers, got " + sinks.length);
            }
            for (int h = 0; h < each.length; h++) {
                each[h] = sinks[sinks.length == 1 ? 0 : h];
            }
            refined = refined.withSinks(each);
        }
        if (distances != null) {
            alone("--distance-bias", refined);
            refined = refined.withPairBias(byDistance(Npy.read(StandardStreams.regular(distances), arena), offset));
        }
        if (grid != null) {
            alone("--grid-bias", refined);
            if (grid.length != 2) {
                throw new UsageError("--grid-bias must be two files, got " + Arrays.toString(grid));
            }
            refined = refined.withPairBias(PairBias.decomposed(Npy.read(StandardStreams.regular(grid[0]), arena),
                    Npy.read(StandardStreams.regular(grid[1]), arena)));
        }
        return refined;
    }

    private static void alone(String option, AttentionInput input) {
        if (input.pairBias() != null) {
            throw new UsageError(option + " excludes another bias or a --bias or --mask for pairs of queries and keys");
        }
    }

    private static PairBias byDistance(Tensor tensor, int offset) {
        Shape shape = tensor.shape();
        if (shape.batch() != 1 || shape.heads() != 1 || shape.columns() % 2 == 0) {
            throw new UsageError("--distance-bias must have shape (1 or heads, an odd number), got " + shape);
        }
        float[][] table = new float[shape.rows()][shape.columns()];
        for (int h = 0; h < table.length; h++) {
            tensor.matrix(0, 0).readRow(h, table[h], 0);
        }
        return PairBias.byDistance(offset, -(shape.columns() / 2), table);
    }
}
