package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.UsageError;
import java.util.Locale;

/** Numbers of bytes with the suffixes k, M and G for powers of ten, as people write them. */
final class Quantity {
    private Quantity() {
    }

    /**
     * Reads a number.
     *
     * @throws UsageError if it is none or not between 0 and 10¹⁵
     */
    static long parse(String option, String text) {
        String number = text;
        double factor = 1;
        if (!text.isEmpty()) {
            factor = switch (text.charAt(text.length() - 1)) {
                case 'k' -> 1e3;
                case 'M' -> 1e6;
                case 'G' -> 1e9;
                default -> 1;
            };
            number = factor == 1 ? text : text.substring(0, text.length() - 1);
        }
        double value;
        try {
            value = Double.parseDouble(number) * factor;
        } catch (NumberFormatException e) {
            value = Double.NaN;
        }
        if (!(value >= 0 && value <= 1e15)) {
            throw new UsageError(option + " must be a number such as 500000, 500k or 20M, got " + text);
        }
        return Math.round(value);
    }

    /** A number in words. */
    static String text(long value) {
        double v = value;
        if (value < 10_000) {
            return Long.toString(value);
        }
        return value < 1_000_000 ? String.format(Locale.ROOT, "%.4gk", v / 1e3)
                : String.format(Locale.ROOT, value < 100_000_000 ? "%.2fM" : "%.1fM", v / 1e6);
    }
}
