/** Off-heap float32 tensors of shape (batch, heads, rows, columns): views over memory that the caller owns. */
package dev.kdeformer.tensor;
