package dev.kdeformer.kdeformer;

import dev.kdeformer.lsh.SignHash;
import java.util.Locale;

/** Checks of options that both methods have. */
final class Options {
    private Options() {
    }

    static int atLeast(String name, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", got " + value);
        }
        return value;
    }

    static int hashBits(int value) {
        if (value < 1 || value > SignHash.MAX_BITS) {
            throw new IllegalArgumentException("hashBits must be between 1 and " + SignHash.MAX_BITS + ", got "
                    + value);
        }
        return value;
    }

    /** A constant's name as on the command line. */
    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
