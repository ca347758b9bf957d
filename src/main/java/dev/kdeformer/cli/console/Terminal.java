package dev.kdeformer.cli.console;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/** Whether somebody watches, and how much fits on a line. */
public final class Terminal {
    private static final int STANDARD_OUTPUT = 1;
    private static final int STANDARD_ERROR = 2;
    /** Narrower answers are those of terminals that do not know. */
    private static final int NARROWEST = 20;
    /** TIOCGWINSZ of Linux and macOS. */
    private static final long WINDOW_SIZE = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("mac")
            ? 0x40087468L : 0x5413L;

    private Terminal() {
    }

    /**
     * Whether standard error is a terminal. Java only knows of a console that standard input and output share, so
     * this asks the C library; where that cannot be asked the answer is no.
     */
    public static boolean showsErrors() {
        return isTerminal(STANDARD_ERROR);
    }

    @SuppressWarnings("restricted")
    private static boolean isTerminal(int file) {
        try {
            Linker linker = Linker.nativeLinker();
            Optional<MemorySegment> isatty = linker.defaultLookup().find("isatty")
                    .or(() -> linker.defaultLookup().find("_isatty"));
            if (isatty.isEmpty()) {
                return false;
            }
            MethodHandle call = linker.downcallHandle(isatty.get(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            return (int) call.invokeExact(file) != 0;
        } catch (Throwable e) {
            return false;
        }
    }

    /**
     * The characters of a line of the terminal that standard output is: what the variable COLUMNS says, else what the
     * terminal says. Empty where standard output is no terminal or none of them says.
     */
    public static OptionalInt width() {
        return width(System.getenv("COLUMNS"));
    }

    static OptionalInt width(String columns) {
        if (columns != null && columns.matches("\\d{1,6}")) {
            int width = Integer.parseInt(columns);
            return width < NARROWEST ? OptionalInt.of(NARROWEST) : OptionalInt.of(width);
        }
        int width = isTerminal(STANDARD_OUTPUT) ? windowColumns() : 0;
        return width < NARROWEST ? OptionalInt.empty() : OptionalInt.of(width);
    }

    @SuppressWarnings("restricted")
    private static int windowColumns() {
        try (Arena arena = Arena.ofConfined()) {
            Linker linker = Linker.nativeLinker();
            Optional<MemorySegment> ioctl = linker.defaultLookup().find("ioctl");
            if (ioctl.isEmpty()) {
                return 0;
            }
            MethodHandle call = linker.downcallHandle(ioctl.get(), FunctionDescriptor.of(ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
                    Linker.Option.firstVariadicArg(2));
            MemorySegment size = arena.allocate(4 * Short.BYTES, Short.BYTES); // rows, columns and both in pixels
            int failed = (int) call.invokeExact(STANDARD_OUTPUT, WINDOW_SIZE, size);
            return failed != 0 ? 0 : Short.toUnsignedInt(size.get(ValueLayout.JAVA_SHORT, Short.BYTES));
        } catch (Throwable e) {
            return 0;
        }
    }

    /** A sentence broken between words into lines that fit the terminal. */
    public static String fold(String sentence) {
        return fold(sentence, width());
    }

    static String fold(String sentence, OptionalInt width) {
        if (width.isEmpty()) {
            return sentence;
        }
        StringBuilder text = new StringBuilder();
        int at = 0;
        for (String word : sentence.split(" ")) {
            if (at > 0 && at + 1 + word.length() > width.getAsInt()) {
                text.append('\n');
                at = 0;
            } else if (at > 0) {
                text.append(' ');
                at++;
            }
            text.append(word);
            at += word.length();
        }
        return text.toString();
    }
}
