package dev.kdeformer.linalg;

import java.util.Arrays;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix: Householder reduction to tridiagonal form, then implicit QR
 * steps with Wilkinson's shift (Golub and Van Loan, "Matrix computations", 4th edition, sections 8.3.1 to 8.3.5).
 * Errors are of the order of the rounding unit times the largest eigenvalue in size.
 *
 * <p>An instance is the working memory for one size and can be used again and again; for one thread at a time.
 */
public final class SymmetricEigen {
    private static final double EPSILON = 0x1p-52;
    /** A sum of squares below this is 0 beside elements of the order of 1, and its inverse might overflow. */
    private static final double NOTHING = 0x1p-900;
    private static final double SQUARE_ROOT_OF_NOTHING = 0x1p-450;
    /** Two or three steps an eigenvalue are usual; the shift converges for every real matrix. */
    private static final int STEPS_PER_VALUE = 100;

    private final int n;
    private final double[] work;
    private final double[] diagonal;
    private final double[] beside;
    private final double[] weights;
    private final double[] p;
    private double[] vectors;
    private boolean vectorsWanted;

    /**
     * Memory for matrices of a size.
     *
     * @param n rows and columns, at least 1
     * @throws IllegalArgumentException if {@code n} is below 1
     */
    public SymmetricEigen(int n) {
        if (n < 1) {
            throw new IllegalArgumentException("n must be at least 1, got " + n);
        }
        this.n = n;
        this.work = new double[Math.multiplyExact(n, n)];
        this.diagonal = new double[n];
        this.beside = new double[n];
        this.weights = new double[n];
        this.p = new double[n];
    }

    /**
     * The largest eigenvalue of a symmetric matrix.
     *
     * @throws IllegalArgumentException if the matrix is not n × n or holds NaN or infinity
     */
    public static double largest(double[] matrix, int n) {
        return new SymmetricEigen(n).values(matrix)[0];
    }

    /**
     * Finds the eigenvalues.
     *
     * @param matrix n × n, row-major, of which the upper triangle is read; unchanged
     * @return the eigenvalues in descending order; the array is used again by the next call
     * @throws IllegalArgumentException if the matrix is not n × n or holds NaN or infinity
     */
    public double[] values(double[] matrix) {
        return solve(matrix, false);
    }

    /**
     * Finds the eigenvalues and, for {@link #vectors}, the eigenvectors.
     *
     * @return the eigenvalues in descending order; the array is used again by the next call
     * @see #values
     */
    public double[] decompose(double[] matrix) {
        if (vectors == null) {
            vectors = new double[work.length];
        }
        return solve(matrix, true);
    }

    /**
     * The eigenvectors that the latest {@link #decompose} found, as rows of length 1 of an n × n matrix, in the order
     * of the eigenvalues; the array is used again by the next call. Null before the first one.
     */
    public double[] vectors() {
        return vectors;
    }

    private double[] solve(double[] matrix, boolean wanted) {
        if (matrix.length != work.length) {
            throw new IllegalArgumentException("matrix must have " + n + " × " + n + " elements, got "
                    + matrix.length);
        }
        vectorsWanted = wanted;
        double largest = 0;
        for (int i = 0; i < n; i++) {
            for (int j = i; j < n; j++) {
                double x = matrix[i * n + j];
                largest = Math.max(largest, Math.abs(x));
                work[i * n + j] = x;
                work[j * n + i] = x;
            }
        }
        if (!(largest < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("matrix must not hold NaN or infinity");
        }
        // A power of two near the largest element keeps squares clear of overflow and underflow, without rounding.
        double scale = largest == 0 ? 1 : Math.scalb(1.0, Math.max(-1000, Math.min(1000, Math.getExponent(largest))));
        for (int i = 0; i < work.length; i++) {
            work[i] /= scale;
        }
        reduce();
        if (vectorsWanted) {
            accumulate();
        }
        iterate();
        sort();
        for (int i = 0; i < n; i++) {
            diagonal[i] *= scale;
        }
        return diagonal;
    }

    /** Makes the matrix tridiagonal by reflections I − weight·v·vᵀ; row k keeps v of reflection k from k + 1 on. */
    private void reduce() {
        for (int k = 0; k < n - 1; k++) {
            int row = k * n;
            diagonal[k] = work[row + k];
            double head = work[row + k + 1];
            double tail = 0;
            for (int j = k + 2; j < n; j++) {
                tail += work[row + j] * work[row + j];
            }
            weights[k] = 0;
            if (tail < NOTHING) {
                beside[k] = head; // already in form
                continue;
            }
            double square = head * head + tail;
            double length = Math.sqrt(square);
            beside[k] = head > 0 ? -length : length;
            work[row + k + 1] = head - beside[k];
            weights[k] = 1 / (square - head * beside[k]);
            reflect(k);
        }
        diagonal[n - 1] = work[work.length - 1];
        beside[n - 1] = 0;
    }

    /** Applies reflection k from both sides to the rows and columns below k. */
    private void reflect(int k) {
        int v = k * n;
        double weight = weights[k];
        Arrays.fill(p, k + 1, n, 0);
        for (int i = k + 1; i < n; i++) {
            double factor = weight * work[v + i];
            int row = i * n;
            for (int j = k + 1; j < n; j++) {
                p[j] += factor * work[row + j];
            }
        }
        double dot = 0;
        for (int j = k + 1; j < n; j++) {
            dot += p[j] * work[v + j];
        }
        double half = weight * dot / 2;
        for (int j = k + 1; j < n; j++) {
            p[j] -= half * work[v + j];
        }
        for (int i = k + 1; i < n; i++) {
            double vi = work[v + i];
            double pi = p[i];
            int row = i * n;
            for (int j = k + 1; j < n; j++) {
                work[row + j] -= vi * p[j] + pi * work[v + j];
            }
        }
    }

    /** Multiplies the reflections out; row i of the product is what eigenvector i starts from. */
    private void accumulate() {
        Arrays.fill(vectors, 0);
        for (int i = 0; i < n; i++) {
            vectors[i * n + i] = 1;
        }
        for (int k = n - 3; k >= 0; k--) {
            int v = k * n;
            if (weights[k] == 0) {
                continue;
            }
            for (int i = k + 1; i < n; i++) {
                int row = i * n;
                double dot = 0;
                for (int j = k + 1; j < n; j++) {
                    dot += vectors[row + j] * work[v + j];
                }
                double factor = weights[k] * dot;
                for (int j = k + 1; j < n; j++) {
                    vectors[row + j] -= factor * work[v + j];
                }
            }
        }
    }

    /** QR steps on the last unreduced block until every element beside the diagonal is negligible. */
    private void iterate() {
        int last = n - 1;
        int steps = 0;
        while (last > 0) {
            if (negligible(last - 1)) {
                beside[last - 1] = 0;
                last--;
                steps = 0;
                continue;
            }
            int first = last - 1;
            while (first > 0 && !negligible(first - 1)) {
                first--;
            }
            if (++steps > STEPS_PER_VALUE) {
                throw new ArithmeticException("an eigenvalue did not settle in " + STEPS_PER_VALUE + " steps");
            }
            step(first, last);
        }
    }

    private boolean negligible(int k) {
        return Math.abs(beside[k]) <= EPSILON * (Math.abs(diagonal[k]) + Math.abs(diagonal[k + 1]))
                || Math.abs(beside[k]) < SQUARE_ROOT_OF_NOTHING;
    }

    /** One implicit QR step: the shift sets the first rotation, the others chase the bulge it makes. */
    private void step(int first, int last) {
        double b = beside[last - 1];
        double half = (diagonal[last - 1] - diagonal[last]) / 2;
        double root = Math.sqrt(half * half + b * b);
        double shift = diagonal[last] - b / (half + (half < 0 ? -root : root)) * b;
        double x = diagonal[first] - shift;
        double bulge = beside[first];
        for (int k = first; k < last; k++) {
            double length = Math.sqrt(x * x + bulge * bulge);
            double c = length == 0 ? 1 : x / length;
            double s = length == 0 ? 0 : bulge / length;
            if (k > first) {
                beside[k - 1] = length;
            }
            double upper = diagonal[k];
            double lower = diagonal[k + 1];
            double off = beside[k];
            double swing = 2 * c * s * off;
            diagonal[k] = c * c * upper + swing + s * s * lower;
            diagonal[k + 1] = s * s * upper - swing + c * c * lower;
            beside[k] = c * s * (lower - upper) + (c * c - s * s) * off;
            if (k + 1 < last) {
                x = beside[k];
                bulge = s * beside[k + 1];
                beside[k + 1] *= c;
            }
            if (vectorsWanted) {
                rotate(k * n, (k + 1) * n, c, s);
            }
        }
    }

    private void rotate(int a, int b, double c, double s) {
        for (int j = 0; j < n; j++) {
            double x = vectors[a + j];
            double y = vectors[b + j];
            vectors[a + j] = c * x + s * y;
            vectors[b + j] = c * y - s * x;
        }
    }

    /** Selection sort, descending: n exchanges of rows at most. */
    private void sort() {
        for (int i = 0; i < n - 1; i++) {
            int best = i;
            for (int j = i + 1; j < n; j++) {
                if (diagonal[j] > diagonal[best]) {
                    best = j;
                }
            }
            if (best != i) {
                double value = diagonal[i];
                diagonal[i] = diagonal[best];
                diagonal[best] = value;
                if (vectorsWanted) {
                    System.arraycopy(vectors, i * n, p, 0, n);
                    System.arraycopy(vectors, best * n, vectors, i * n, n);
                    System.arraycopy(p, 0, vectors, best * n, n);
                }
            }
        }
    }
}
