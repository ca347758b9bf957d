package dev.kdeformer.onnx.run;

import java.lang.foreign.Arena;

/** An arena that is opened when something is taken from it, which of most attentions nothing is. */
final class LateArena implements AutoCloseable {
    private Arena arena;

    Arena open() {
        if (arena == null) {
            arena = Arena.ofShared();
        }
        return arena;
    }

    @Override
    public void close() {
        if (arena != null) {
            arena.close();
        }
    }
}
