/**
 * Exact and approximate softmax attention: {@code dev.kdeformer} is what an embedder touches, the other exported
 * packages are what its signatures speak of.
 *
 * <p>What is not exported (kernels, hashing, sampling, the methods themselves) may change at any time.
 */
module dev.kdeformer {
    requires jdk.incubator.vector;

    exports dev.kdeformer;
    exports dev.kdeformer.measure;
    exports dev.kdeformer.tensor;
}
