package dev.kdeformer;

/** A method that has gradients. */
public interface DifferentiableMethod extends AttentionMethod {
    /** Returns the gradients of this method, with its options. */
    AttentionGradient gradient();
}
