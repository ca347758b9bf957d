/**
 * Small dense symmetric matrices in double precision, row-major in {@code double[]}: Gram matrices, eigenvalues and
 * eigenvectors, Cholesky factors. For matrices as large as one head's features, not as its sequence.
 */
package dev.kdeformer.linalg;
