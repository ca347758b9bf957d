package dev.kdeformer.onnx.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtEnvironment;
import org.junit.jupiter.api.Test;

class SharedArenaTest {
    /** A later version of ONNX Runtime that no longer takes it would make long runs slower without a word. */
    @Test
    void onnxRuntimeTakesIt() {
        assertTrue(SharedArena.register(OrtEnvironment.getEnvironment()));
        assertTrue(SharedArena.register(OrtEnvironment.getEnvironment()), "the second time it is there");
    }
}
