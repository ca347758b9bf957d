/**
 * Small dense symmetric matrices in double precision, row-major in {@code double[]}: Gram matrices, eigenvalues and
 * eigenvectors, Cholesky factors. For matrices as large as one head's features, not as its sequence. And the order of
 * rows by a number that belongs to each, and the online softmax of rows.
 *
 * <p>Eigenvalues and factors are written here rather than taken from a library: they run inside of calls, once a tile
 * or a block of keys, in memory of the thread that is kept and on plain arrays, with rounding that is the same on every
 * machine and with bounds on their errors that certificates build on. Libraries of matrices allocate for each result
 * and bring a type of their own; the two methods are textbook ones of a few hundred lines. The products of blocks take
 * offsets and strides one by one, more than seven arguments, as innermost loops over plain arrays do.
 */
package dev.kdeformer.linalg;
