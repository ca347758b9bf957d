package dev.kdeformer.onnx.run;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;

/**
 * The threads of ONNX Runtime that all parts of all models share. Were there some for each part, every part would wake
 * others, which an operating system puts beside the one that woke them where they ran last, and not where a processor
 * idles; a few that serve all stay where they are. They belong to ONNX Runtime's environment, of which a process has
 * one, and can only be had by whoever makes it: where that was the user, and for models that are opened with another
 * number of threads than the first, each part has its own.
 */
public final class SharedThreads {
    private static int count;

    private SharedThreads() {
    }

    /**
     * Makes the environment, unless there is one.
     *
     * @param threads of a model, the calling one included
     * @throws IllegalStateException if ONNX Runtime does not start
     */
    public static synchronized void make(int threads) {
        try (OrtEnvironment.ThreadingOptions options = new OrtEnvironment.ThreadingOptions()) {
            options.setGlobalIntraOpNumThreads(threads);
            options.setGlobalInterOpNumThreads(1);
            options.setGlobalSpinControl(false);
            OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING, OrtEnvironment.DEFAULT_NAME,
                    options);
            count = threads;
        } catch (IllegalStateException e) {
            OrtEnvironment.getEnvironment(); // there is one: it stays as it is
        } catch (OrtException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** How many threads a part has that uses them, the calling one included; 0 if there are none. */
    static synchronized int count() {
        return count;
    }
}
