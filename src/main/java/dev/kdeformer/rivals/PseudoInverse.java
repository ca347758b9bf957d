package dev.kdeformer.rivals;

import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The pseudoinverse of a matrix of positive elements by the iteration of Razavi, Kerayechian, Gachpazan and Shateyi
 * (2014) that Nyströmformer uses: Z ← ¼ Z (13 I − A Z (15 I − A Z (7 I − A Z))), from Z = Aᵀ / (‖A‖₁ ‖A‖_∞). The error
 * ‖I − A Z‖ is cubed in every step; it starts below 1 and near 1 for an ill-conditioned matrix. In double precision.
 */
final class PseudoInverse {
    private final double[] inverse;
    private final int n;

    private PseudoInverse(double[] inverse, int n) {
        this.inverse = inverse;
        this.n = n;
    }

    /** Of an n × n matrix, row-major. */
    static PseudoInverse of(double[] a, int n, int iterations, Team team) {
        double rows = 0;
        double[] columns = new double[n];
        for (int i = 0; i < n; i++) {
            double row = 0;
            for (int j = 0; j < n; j++) {
                row += Math.abs(a[i * n + j]);
                columns[j] += Math.abs(a[i * n + j]);
            }
            rows = Math.max(rows, row);
        }
        double scale = 1 / (rows * Arrays.stream(columns).max().getAsDouble());
        double[] z = new double[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                z[j * n + i] = a[i * n + j] * scale;
            }
        }
        for (int iteration = 0; iteration < iterations; iteration++) {
            double[] az = product(a, z, n, n, team);
            double[] inner = product(az, shifted(7, az, n), n, n, team);
            double[] outer = product(az, shifted(15, inner, n), n, n, team);
            z = product(z, shifted(13, outer, n), n, n, team);
            for (int i = 0; i < z.length; i++) {
                z[i] /= 4;
            }
        }
        return new PseudoInverse(z, n);
    }

    /** shift · I − x. */
    private static double[] shifted(double shift, double[] x, int n) {
        double[] result = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            result[i] = (i / n == i % n ? shift : 0) - x[i];
        }
        return result;
    }

    /** The product of the pseudoinverse with an n × columns matrix, row-major. */
    double[] times(float[] b, int columns, Team team) {
        double[] right = new double[b.length];
        for (int i = 0; i < b.length; i++) {
            right[i] = b[i];
        }
        return product(inverse, right, n, columns, team);
    }

    private static double[] product(double[] a, double[] b, int n, int columns, Team team) {
        double[] c = new double[n * columns];
        for (int i = 0; i < n; i++) {
            team.check();
            for (int k = 0; k < n; k++) {
                double x = a[i * n + k];
                for (int j = 0; j < columns; j++) {
                    c[i * columns + j] += x * b[k * columns + j];
                }
            }
        }
        return c;
    }
}
