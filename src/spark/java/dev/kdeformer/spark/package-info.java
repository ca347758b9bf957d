/**
 * Attention and sums of kernels on Apache Spark: sequences cut over a cluster, each task computed by the library.
 * {@link dev.kdeformer.spark.SparkAttention} is the entry. Compiled and packed only by the Maven profile {@code spark},
 * into a jar of its own; the library knows nothing of it.
 */
package dev.kdeformer.spark;
