package dev.kdeformer.onnx;

import dev.kdeformer.onnx.run.SharedThreads;
import dev.kdeformer.runtime.Threads;

/** Whether ONNX Runtime's Java library is there, and its start. */
final class OnnxRuntime {
    /**
     * Version 1.29 looks through the command line of the process by a recursion of 270 bytes a character: on the stack
     * of a Java thread, 1 MB, a class path of 4,000 characters ends the process. The stack is address space alone until
     * it is used.
     */
    private static final long STACK = 256L << 20;

    private OnnxRuntime() {
    }

    /**
     * Checks that it is, and makes its environment, of which a process has one.
     *
     * @param threads of a model, for the threads that models share
     * @throws IllegalStateException if it is not there, in one sentence
     */
    static void require(int threads) {
        try {
            Class.forName("ai.onnxruntime.OrtEnvironment", false, OnnxRuntime.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("running an ONNX model needs ONNX Runtime's Java library: add the"
                    + " dependency com.microsoft.onnxruntime:onnxruntime, 1.23 or later", e);
        }
        Start.make(threads);
    }

    /** Apart, because it cannot be loaded without the library. */
    private static final class Start {
        private static boolean made;

        private Start() {
        }

        private static synchronized void make(int threads) {
            if (made) {
                return;
            }
            Throwable[] failure = new Throwable[1];
            Thread thread = new Thread(null, () -> SharedThreads.make(threads), "kdeformer-onnx", STACK);
            thread.setUncaughtExceptionHandler((at, thrown) -> failure[0] = thrown);
            thread.start();
            Threads.join(thread);
            if (failure[0] != null) {
                throw new IllegalStateException("ONNX Runtime does not start: " + failure[0].getMessage(), failure[0]);
            }
            made = true;
        }
    }
}
