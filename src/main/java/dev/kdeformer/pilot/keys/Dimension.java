package dev.kdeformer.pilot.keys;

/**
 * Along how many directions the keys of a head vary, as its queries see them: the d for which halving a ball of keys
 * again and again makes it as much smaller as the tree of groups has. Keys on a line or a map have one or two, those of
 * language models ten and more, and noise as many as it has features.
 */
public final class Dimension {
    /** Queries and keys that variances are taken of. */
    private static final int SAMPLE = 1024;

    private Dimension() {
    }

    /**
     * The dimension of grouped keys; infinite where groups are no smaller than all keys together.
     *
     * @param queries reflected like the keys
     */
    public static double of(KeyGroups keys, Rows queries) {
        double[] weights = new Sums(queries.columns()).add(queries, 0, queries.count(), SAMPLE).squares();
        Sums all = new Sums(keys.keys().columns());
        int each = Math.max(2, SAMPLE / keys.groups());
        double within = 0;
        int count = 0;
        for (int g = 0; g < keys.groups(); g++) {
            int from = keys.starts()[g];
            int to = keys.starts()[g + 1];
            Sums group = new Sums(keys.keys().columns()).add(keys.keys(), from, to, each);
            all.add(keys.keys(), from, to, each);
            // One degree of freedom is the mean's.
            within += group.count < 2 ? 0 : dot(weights, group.squares()) * group.count / (group.count - 1);
            count += group.count;
        }
        double part = within / dot(weights, all.squares());
        return count < 2 || !(part < 1) ? Double.POSITIVE_INFINITY
                : 2 * Math.log(keys.groups()) / -Math.log(Math.max(part, Double.MIN_NORMAL));
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int c = 0; c < x.length; c++) {
            sum += x[c] * y[c];
        }
        return sum;
    }

    /** Sums over some rows, feature by feature. */
    private static final class Sums {
        private final double[] sum;
        private final double[] square;
        private int count;

        Sums(int columns) {
            sum = new double[columns];
            square = new double[columns];
        }

        /** Adds up to {@code most} of the rows [from, to), evenly spread. */
        Sums add(Rows rows, int from, int to, int most) {
            RowRange range = new RowRange(rows, null, from, to);
            int some = Math.min(most, range.count());
            float[] row = new float[rows.stride()];
            for (int i = 0; i < some; i++) {
                rows.read(range.sampled(i, some), row, 0);
                for (int c = 0; c < sum.length; c++) {
                    double x = row[c];
                    sum[c] += x;
                    square[c] += x * x;
                }
            }
            count += some;
            return this;
        }

        /** The summed squared distances from the mean. */
        double[] squares() {
            double[] squares = new double[sum.length];
            for (int c = 0; c < squares.length && count > 0; c++) {
                squares[c] = Math.max(0, square[c] - sum[c] * sum[c] / count);
            }
            return squares;
        }
    }
}
