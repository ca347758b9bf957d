package dev.kdeformer.cli.console;

import dev.kdeformer.runtime.NativeAccess;
import dev.kdeformer.runtime.VectorModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.regex.Pattern;

/** Words for people: what an exception means, and numbers as text. */
public final class Sentences {
    private static final int LONGEST = 600;
    /** Control characters, line separators, and characters that turn the direction of a text. */
    private static final Pattern UNSEEN = Pattern.compile("[\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]");

    private Sentences() {
    }

    /** What an exception means to the user, in one sentence. */
    public static String of(Throwable e) {
        String message = e.getMessage();
        return switch (e) {
            case UncheckedIOException wrapped -> of(wrapped.getCause());
            case FileSystemException system when system.getReason() != null -> system.getFile() + ": "
                    + system.getReason();
            case NoSuchFileException missing -> "no such file: " + missing.getFile();
            case AccessDeniedException denied -> "permission denied: " + denied.getFile();
            case NotDirectoryException file -> "not a folder: " + file.getFile();
            case FileAlreadyExistsException there -> "already there: " + there.getFile();
            case IOException io -> message == null ? "input or output failed (" + io.getClass().getSimpleName() + ")"
                    : message;
            case OutOfMemoryError memory -> "not enough memory"
                    + (message == null ? "" : " (" + message + ")");
            case LinkageError linkage when !VectorModule.isThere() -> VectorModule.MISSING;
            case IllegalCallerException denied -> NativeAccess.DENIED;
            case LinkageError linkage when isDenied(linkage) -> NativeAccess.DENIED;
            case CancellationException cancelled -> "interrupted";
            case Failure failure -> message;
            case UsageError usage -> message;
            case IllegalArgumentException argument when message != null -> message;
            case IllegalStateException state when message != null -> message;
            default -> "internal error: " + e + " (KDEBENCH_OPTS=-Dkdebench.trace=true shows where)";
        };
    }

    private static boolean isDenied(Throwable e) {
        return e != null && (e instanceof IllegalCallerException || isDenied(e.getCause()));
    }

    /** A text on one line, without control characters and not endless, whatever a file or a shell put into it. */
    public static String oneLine(String text) {
        String line = text == null ? "" : visible(text.replaceAll("\\s*\\R\\s*", " "));
        return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "...";
    }

    /** A text in which nothing can move the cursor, ring the bell or paint the terminal; "?" stands for what could. */
    public static String visible(String text) {
        return UNSEEN.matcher(text).replaceAll("?");
    }

    /** A number of things: {@code 1 thread}, {@code 2 threads}. */
    public static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }

    /** How many times as fast: {@code 4.00x}, or "-" where it is not known. */
    public static String times(double factor) {
        return Double.isNaN(factor) ? "-" : digits(factor) + "x";
    }

    /** A count of bytes in the unit that suits it. */
    public static String bytes(double bytes) {
        String[] units = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return digits(value) + " " + units[unit];
    }

    /** A count of floating-point operations in the unit that suits it. */
    public static String operations(double operations) {
        String[] units = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"};
        int unit = 0;
        double value = operations;
        while (value >= 1000 && unit < units.length - 1) {
            value /= 1000;
            unit++;
        }
        return digits(value) + " " + units[unit];
    }

    /** A count that may be a mean: whole numbers without a fraction, others with one digit of it. */
    public static String count(double value) {
        return String.format(Locale.ROOT, value == Math.rint(value) ? "%.0f" : "%.1f", value);
    }

    /** A number with three digits that count: 0.0123, 1.23, 123, 12345; very small ones with an exponent. */
    public static String digits(double value) {
        double size = Math.abs(value);
        if (value == 0) {
            return "0";
        }
        if (!Double.isFinite(value)) {
            return "-";
        }
        if (size < 1e-4) {
            return String.format(Locale.ROOT, "%.1e", value);
        }
        int decimals = Math.max(0, 2 - (int) Math.floor(Math.log10(size)));
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
