package dev.kdeformer.cli.console;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** Whether somebody watches. */
public final class Terminal {
    private static final int STANDARD_ERROR = 2;

    private Terminal() {
    }

    /**
     * Whether standard error is a terminal. Java only knows of a console that standard input and output share, so
     * this asks the C library; where that cannot be asked the answer is no.
     */
    @SuppressWarnings("restricted")
    public static boolean showsErrors() {
        try {
            Linker linker = Linker.nativeLinker();
            Optional<MemorySegment> isatty = linker.defaultLookup().find("isatty")
                    .or(() -> linker.defaultLookup().find("_isatty"));
            if (isatty.isEmpty()) {
                return false;
            }
            MethodHandle call = linker.downcallHandle(isatty.get(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            return (int) call.invokeExact(STANDARD_ERROR) != 0;
        } catch (Throwable e) {
            return false;
        }
    }
}
