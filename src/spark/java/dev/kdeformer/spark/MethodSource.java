package dev.kdeformer.spark;

import dev.kdeformer.AttentionMethod;
import java.io.Serializable;

/**
 * Makes the attention method in every task, since methods are not sent over networks: a lambda such as
 * {@code seed -> Attention.pilot().near(200).seed(seed).build()}.
 */
@FunctionalInterface
public interface MethodSource extends Serializable {
    /** The method with a seed; the same seed has to give the same method everywhere. */
    AttentionMethod make(long seed);
}
