package dev.kdeformer.runtime;

/**
 * Whether this Java was started with the incubator module that all kernels need. Uses nothing of it, so that a start
 * without it ends in a sentence and not in a missing class somewhere inside a kernel.
 */
public final class VectorModule {
    /** What is wrong where the module is missing, and what helps. */
    public static final String MISSING = "kdeformer needs the module jdk.incubator.vector: start Java (a full JDK, 21"
            + " or newer) with --add-modules jdk.incubator.vector";

    private VectorModule() {
    }

    /** Whether the module can be used. */
    public static boolean isThere() {
        try {
            Class.forName("jdk.incubator.vector.FloatVector", false, VectorModule.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    /**
     * Does nothing where the module is there.
     *
     * @throws IllegalStateException with {@link #MISSING} where it is not
     */
    public static void require() {
        if (!isThere()) {
            throw new IllegalStateException(MISSING);
        }
    }
}
