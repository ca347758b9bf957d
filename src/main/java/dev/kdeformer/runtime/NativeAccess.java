package dev.kdeformer.runtime;

import java.lang.foreign.MemorySegment;

/** Whether this Java lets the engine reach its scratch memory by address. */
public final class NativeAccess {
    /** What is wrong where native access is denied, and what helps. */
    public static final String DENIED = "kdeformer needs native access, which this Java denies: start it with "
            + "--enable-native-access=ALL-UNNAMED (on the module path: =dev.kdeformer)";

    private NativeAccess() {
    }

    /**
     * Does nothing where native access is allowed.
     *
     * @throws IllegalStateException with {@link #DENIED} where it is not
     */
    @SuppressWarnings("restricted")
    public static void require() {
        try {
            MemorySegment.NULL.reinterpret(1);
        } catch (IllegalCallerException e) {
            throw new IllegalStateException(DENIED, e);
        }
    }
}
