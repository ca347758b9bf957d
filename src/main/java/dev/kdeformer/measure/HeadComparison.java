package dev.kdeformer.measure;

import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/** Measures one head: two passes over the rows in fixed chunks, whose sums are added up in order. */
final class HeadComparison {
    private static final int CHUNKS = 16;
    private static final int LEAST_ROWS = 256;
    /** Bound on the doubles in all chunks' Gram matrices together. */
    private static final long GRAM_DOUBLES = 1 << 25;

    private final Matrix approximate;
    private final Matrix exact;
    private final int n;
    private final int columns;
    private final int chunks;
    /** Squared norms of the rows of Õ − O. */
    private final double[] squares;

    private HeadComparison(Matrix approximate, Matrix exact) {
        this.approximate = approximate;
        this.exact = exact;
        this.n = exact.rows();
        this.columns = exact.columns();
        this.squares = new double[n];
        long affordable = GRAM_DOUBLES / (2L * columns * columns);
        this.chunks = (int) Math.max(1, Math.min(Math.min(CHUNKS, affordable), n / LEAST_ROWS));
    }

    static ErrorMeasures measure(Team team, Matrix approximate, Matrix exact) {
        if (exact.rows() == 0 || exact.columns() == 0) {
            return ErrorMeasures.NONE;
        }
        return new HeadComparison(approximate, exact).measure(team);
    }

    /** What a chunk sums up: the Gram matrices of its rows of Õ − O and of C. */
    private static final class Part {
        final Gram difference;
        final Gram centred;

        Part(int columns) {
            difference = new Gram(columns);
            centred = new Gram(columns);
        }
    }

    private ErrorMeasures measure(Team team) {
        double[] mean = meanRow(team);
        Part[] parts = new Part[chunks];
        team.forEach(chunks, (chunk, scratch) -> parts[chunk] = compare(chunk, mean));
        Part all = parts[0];
        for (int chunk = 1; chunk < chunks; chunk++) {
            all.difference.add(parts[chunk].difference);
            all.centred.add(parts[chunk].centred);
        }
        if (!Double.isFinite(all.centred.trace())) {
            throw new IllegalArgumentException("exact output must be finite");
        }
        if (!Double.isFinite(all.difference.trace())) {
            return ErrorMeasures.INFINITE;
        }
        double[][] grams = {all.difference.matrix(), all.centred.matrix(), all.centred.matrix()};
        addOuter(grams[2], mean);
        double[] norms = new double[grams.length];
        team.forEach(grams.length, (index, scratch) -> norms[index] = operatorNorm(grams[index]));
        double error = Math.sqrt(all.difference.trace());
        double spread = Math.sqrt(all.centred.trace());
        Arrays.sort(squares);
        return new ErrorMeasures(ErrorMeasures.ratio(norms[0], norms[2]), ErrorMeasures.ratio(norms[0], norms[1]),
                ErrorMeasures.ratio(error, spread), row(1, spread), row(0.5, spread), row(0.99, spread),
                row(0.999, spread));
    }

    /** The least row error, relative to the root mean square of C's, that a part of the rows does not exceed. */
    private double row(double part, double spread) {
        int rows = (int) Math.ceil(part * n);
        return ErrorMeasures.ratio(Math.sqrt(squares[rows - 1]), spread / Math.sqrt(n));
    }

    /**
     * The mean row of O. Rows are summed as differences from the first, so that equal rows have exactly themselves as
     * mean and a spread of 0.
     */
    private double[] meanRow(Team team) {
        double[] first = new double[columns];
        for (int c = 0; c < columns; c++) {
            first[c] = exact.get(0, c);
        }
        double[][] sums = new double[chunks][columns];
        team.forEach(chunks, (chunk, scratch) -> {
            double[] sum = sums[chunk];
            for (int i = start(chunk); i < start(chunk + 1); i++) {
                for (int c = 0; c < columns; c++) {
                    sum[c] += exact.get(i, c) - first[c];
                }
            }
        });
        for (int c = 0; c < columns; c++) {
            double sum = 0;
            for (double[] part : sums) {
                sum += part[c];
            }
            first[c] += sum / n;
        }
        return first;
    }

    private Part compare(int chunk, double[] mean) {
        Part part = new Part(columns);
        for (int i = start(chunk); i < start(chunk + 1); i++) {
            double[] difference = part.difference.next();
            double[] centred = part.centred.next();
            double square = 0;
            for (int c = 0; c < columns; c++) {
                double o = exact.get(i, c);
                double e = approximate.get(i, c) - o;
                difference[c] = e;
                centred[c] = o - mean[c];
                square += e * e;
            }
            part.difference.add();
            part.centred.add();
            squares[i] = square;
        }
        return part;
    }

    private int start(int chunk) {
        return (int) ((long) n * chunk / chunks);
    }

    /** Turns the Gram matrix of C into that of O: adding what centring took away loses nothing to cancellation. */
    private void addOuter(double[] gram, double[] mean) {
        for (int i = 0; i < columns; i++) {
            for (int j = 0; j < columns; j++) {
                gram[i * columns + j] += n * mean[i] * mean[j];
            }
        }
    }

    private double operatorNorm(double[] gram) {
        return Math.sqrt(Math.max(0, SymmetricEigen.largest(gram, columns)));
    }
}
