/**
 * Exact and approximate softmax attention: {@code dev.kdeformer} is what an embedder touches, the other exported
 * packages are what its signatures speak of, the methods' builders among them.
 *
 * <p>What is not exported (kernels, hashing, sampling) may change at any time.
 */
module dev.kdeformer {
    requires it.unimi.dsi.fastutil.core;
    requires jdk.incubator.vector;
    requires static com.microsoft.onnxruntime;
    // Only to ask the virtual machine why it would be slow; without them nobody is asked.
    requires static java.management;
    requires static jdk.management;

    exports dev.kdeformer;
    exports dev.kdeformer.decode;
    exports dev.kdeformer.exact;
    exports dev.kdeformer.io;
    exports dev.kdeformer.kde;
    exports dev.kdeformer.kdeformer;
    exports dev.kdeformer.measure;
    exports dev.kdeformer.onnx;
    exports dev.kdeformer.pilot;
    exports dev.kdeformer.rivals;
    exports dev.kdeformer.tensor;
}
