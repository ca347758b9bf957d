package dev.kdeformer.linalg;

import java.util.Arrays;

/**
 * Cholesky factors A = L·Lᵀ of symmetric positive definite matrices, in place on row-major arrays (Golub and Van Loan,
 * "Matrix computations", 4th edition, section 4.2).
 */
public final class Cholesky {
    private Cholesky() {
    }

    /**
     * Replaces a matrix by its factor: lower triangular with zeros above.
     *
     * @param a n × n, of which the lower triangle is read
     * @return whether A is positive definite to working precision; if not, {@code a} is left half done
     */
    public static boolean factor(double[] a, int n) {
        check(a, n);
        for (int i = 0; i < n; i++) {
            int row = i * n;
            for (int j = 0; j <= i; j++) {
                double sum = a[row + j];
                for (int k = 0; k < j; k++) {
                    sum -= a[row + k] * a[j * n + k];
                }
                if (j < i) {
                    a[row + j] = sum / a[j * n + j];
                } else if (sum > 0 && sum < Double.POSITIVE_INFINITY) {
                    a[row + i] = Math.sqrt(sum);
                } else {
                    return false;
                }
            }
            Arrays.fill(a, row + i + 1, row + n, 0);
        }
        return true;
    }

    /** Replaces b by L⁻¹·b. */
    public static void solveLower(double[] factor, int n, double[] b) {
        check(factor, n);
        for (int i = 0; i < n; i++) {
            double sum = b[i];
            for (int k = 0; k < i; k++) {
                sum -= factor[i * n + k] * b[k];
            }
            b[i] = sum / factor[i * n + i];
        }
    }

    /** Replaces b by L⁻ᵀ·b. */
    public static void solveUpper(double[] factor, int n, double[] b) {
        check(factor, n);
        for (int i = n - 1; i >= 0; i--) {
            double x = b[i] / factor[i * n + i];
            b[i] = x;
            for (int k = 0; k < i; k++) {
                b[k] -= factor[i * n + k] * x;
            }
        }
    }

    /** Replaces b by A⁻¹·b. */
    public static void solve(double[] factor, int n, double[] b) {
        solveLower(factor, n, b);
        solveUpper(factor, n, b);
    }

    private static void check(double[] a, int n) {
        if (n < 1 || a.length != Math.multiplyExact(n, n)) {
            throw new IllegalArgumentException("matrix must have n × n elements for n = " + n + ", got " + a.length);
        }
    }
}
