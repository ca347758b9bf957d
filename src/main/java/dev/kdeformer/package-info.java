/**
 * Attention on the JVM: what an embedder touches. An {@link dev.kdeformer.AttentionInput} says what is to be attended,
 * an {@link dev.kdeformer.AttentionMethod} how, an {@link dev.kdeformer.Engine} on what threads and memory.
 *
 * <p>Dependencies point one way: the command line uses the methods, methods use kernels, kernels use tensors and the
 * runtime. The types of this package are known to all methods; only {@code Attention}, the entry with a builder for
 * each method, knows the methods.
 */
package dev.kdeformer;
