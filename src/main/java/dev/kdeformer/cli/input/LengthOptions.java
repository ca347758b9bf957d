package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.cli.console.UsageError;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Input at several lengths, each of which is the first rows of the same sequence. */
public final class LengthOptions extends DataOptions {
    @Option(names = "--n", paramLabel = "N", split = ",", order = 20,
            description = "Lengths, comma-separated: the first N queries and keys of every head (default: an eighth, a "
                    + "quarter, half and all of the input). Without --data, the shortest set that has enough rows is "
                    + "taken.")
    private List<Integer> lengths = new ArrayList<>();

    @Mixin
    private SyntheticOption synthetic;

    @Override
    int wantedRows() {
        return lengths.stream().mapToInt(Integer::intValue).max().orElse(1);
    }

    /**
     * The lengths to measure, ascending.
     *
     * @throws UsageError if there are none, or the input has not enough rows and must not be continued
     */
    public List<Integer> lengths(NamedInput input) {
        if (learnt().given() != null) {
            throw new UsageError(learnt().given() + " is for one length only");
        }
        if (input.input().pairBias() != null && !pairs().isLinear()) {
            throw new UsageError("a --bias or --mask for pairs of queries and keys has one length only");
        }
        if (pairs().isPacked()) {
            throw new UsageError("--packed is for one length only");
        }
        int all = Math.max(input.input().queries(), input.input().keys());
        List<Integer> chosen = lengths.isEmpty() ? List.of(Math.max(1, all / 8), Math.max(1, all / 4),
                Math.max(1, all / 2), all) : lengths;
        for (int n : chosen) {
            if (n < 1) {
                throw new UsageError("--n must be at least 1, got " + n);
            }
            if (n > all && !synthetic.isGiven()) {
                throw new UsageError("--n " + n + ": " + input.name() + " has " + all + " rows; --synthetic continues "
                        + "it with made-up rows, --data-dir names a folder with longer sets");
            }
        }
        return List.copyOf(new TreeSet<>(chosen));
    }

    /** The input as long as the longest of these lengths. */
    public NamedInput continued(Arena arena, NamedInput input, List<Integer> chosen, long seed) {
        NamedInput longer = synthetic.continued(arena, input, chosen.get(chosen.size() - 1), seed);
        if (longer == input) {
            return input;
        }
        return new NamedInput(longer.name(), longer.about(), longer.rank(), refined(longer.input()));
    }

    /** The input with soft cap and biases by distance, which {@link NamedInput#firstRows} leaves out. */
    public AttentionInput refined(AttentionInput input) {
        return pairs().refine(input);
    }
}
