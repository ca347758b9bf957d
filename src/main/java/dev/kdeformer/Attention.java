package dev.kdeformer;

import dev.kdeformer.exact.ExactAttention;

/** The entry: a builder for each attention method. */
public final class Attention {
    private Attention() {
    }

    /** Exact attention. */
    public static ExactAttention.Builder exact() {
        return ExactAttention.builder();
    }
}
