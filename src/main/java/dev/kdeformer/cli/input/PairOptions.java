package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.io.NpyArray;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.Option;

/** What depends on the pair of a query and a key, or bends logits: windows, packed sequences, biases, soft caps. */
final class PairOptions {
    @Option(names = "--window", paramLabel = "W|L,R", split = ",", order = 18,
            description = "Sliding window. With a causal mask, W: every query sees no more than the last W keys that "
                    + "the mask shows it. Without one, L,R: a query sees L keys before the one it stands at, that one, "
                    + "and R after it; W means W,W. Query i of n stands at key i + m - n of m. Methods exact and "
                    + "auto take any, kdeformer, hyper and pilot short ones.")
    private int[] window;

    @Option(names = "--packed", paramLabel = "LENGTHS|FILE.npy", order = 19,
            description = "Sequences that lie behind each other in the rows and see themselves alone: the length of "
                    + "each, comma-separated, or a .npy of i4 or i8 with their cumulative lengths, 0 first.")
    private String packed;

    @Option(names = "--alibi", order = 19,
            description = "Linear biases by distance with the published slopes, 2^(-8 h/heads) for head h from 1: "
                    + "one-sided with --causal, two-sided without. For methods exact and auto.")
    private boolean alibi;

    @Option(names = "--softcap", paramLabel = "C", order = 19,
            description = "Bend logits to C tanh(logit / C), before biases and masks. For methods exact and auto.")
    private Float softCap;

    /** The first of these options that is given, or null. */
    String given() {
        return window != null ? "--window" : packed != null ? "--packed" : alibi ? "--alibi"
                : softCap != null ? "--softcap" : null;
    }

    /** Whether packed sequences are given. */
    boolean isPacked() {
        return packed != null;
    }

    /** Whether biases by distance are given. */
    boolean isLinear() {
        return alibi;
    }

    /**
     * The mask with window and packed sequences.
     *
     * @throws UsageError  if they do not fit the mask
     * @throws IOException if the file of cumulative lengths cannot be read
     */
    Mask refine(Mask mask) throws IOException {
        Mask windowed = window == null ? mask : windowed(mask);
        return packed == null ? windowed : windowed.withSequences(starts());
    }

    private Mask windowed(Mask mask) {
        if (window.length > 2) {
            throw new UsageError("--window must be W or L,R, got " + text(window));
        }
        int least = mask.isCausal() && window.length == 1 ? 1 : 0;
        if (Arrays.stream(window).anyMatch(keys -> keys < least)) {
            throw new UsageError("--window must be at least " + least + (mask.isCausal() ? "" : " on each side")
                    + ", got " + text(window));
        }
        if (!mask.isCausal()) {
            return Mask.window(window[0], window[window.length - 1]);
        }
        if (window.length == 1) {
            return mask.withWindow(window[0]);
        }
        if (window[1] != 0 || window[0] == Integer.MAX_VALUE) {
            throw new UsageError("--window under a causal mask must be W or L,0, got " + text(window));
        }
        return mask.withWindow(window[0] + 1);
    }

    private static String text(int[] numbers) {
        return String.join(",", Arrays.stream(numbers).mapToObj(String::valueOf).toList());
    }

    private int[] starts() throws IOException {
        if (packed.endsWith(".npy")) {
            return startsOf(NpyArray.read(Path.of(packed)));
        }
        String[] lengths = packed.split(",", -1);
        int[] starts = new int[lengths.length + 1];
        for (int s = 0; s < lengths.length; s++) {
            try {
                starts[s + 1] = Math.addExact(starts[s], Integer.parseInt(lengths[s].strip()));
            } catch (NumberFormatException | ArithmeticException e) {
                starts[s + 1] = -1;
            }
            if (starts[s + 1] < starts[s]) {
                throw new UsageError("--packed must be lengths of sequences that are not negative, comma-separated, "
                        + "or a file that ends in .npy, got '" + lengths[s] + "'");
            }
        }
        return starts;
    }

    private int[] startsOf(NpyArray array) {
        boolean wide = array.element().equals("i8");
        if (array.dimensions().size() != 1 || !wide && !array.element().equals("i4")) {
            throw new UsageError("--packed " + packed + " must have one dimension of i4 or i8, got "
                    + array.dimensions() + " of " + array.element());
        }
        int[] starts = new int[Math.toIntExact(array.dimensions().get(0))];
        for (int s = 0; s < starts.length; s++) {
            long start = wide ? array.data().getLong(s * Long.BYTES) : array.data().getInt(s * Integer.BYTES);
            if (start != (int) start) {
                throw new UsageError("--packed " + packed + " must hold numbers of rows, got " + start);
            }
            starts[s] = (int) start;
        }
        return starts;
    }

    /** The key that the first query of an input, or of a packed sequence, stands at. */
    static int firstPlace(AttentionInput input) {
        Mask mask = input.mask();
        // Queries and keys of a packed sequence begin at the same row.
        return mask.hasSequences() || mask.causality() == Mask.Causality.UPPER_LEFT ? 0
                : input.keys() - input.queries();
    }

    /**
     * The input with soft cap and biases by distance.
     *
     * @throws UsageError if the soft cap is not positive, or pairs have a bias already
     */
    AttentionInput refine(AttentionInput input) {
        AttentionInput refined = input;
        if (softCap != null) {
            if (!(softCap > 0)) {
                throw new UsageError("--softcap must be positive, got " + softCap);
            }
            refined = refined.withSoftCap(softCap);
        }
        if (alibi) {
            if (input.pairBias() != null) {
                throw new UsageError("--alibi and a --bias or --mask for pairs of queries and keys exclude each other");
            }
            refined = refined.withPairBias(PairBias.alibi(firstPlace(input), PairBias.alibiSlopes(input.heads())));
        }
        return refined;
    }
}
