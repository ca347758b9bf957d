package dev.kdeformer.kde;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Sums over all points. A Gaussian is a product of three exponentials, exp(⟨x, y⟩)·exp(−½‖x‖²)·exp(−½‖y‖²), so both
 * kernels are a log-sum-exp of logits with a bias per point, which the kernels of attention compute by tiles. Where
 * the norms are so large that float32 logits would cost the result its digits, pairs are evaluated one by one instead,
 * by differences or in double precision.
 */
final class ExactDensity extends ExactSums {
    /** What rounding of logits may do to a sum, relative, before pairs are evaluated in double precision. */
    private static final double ROUNDING = 5e-4;
    private static final int PACK = 2048;

    private final Scratch memory = new Scratch();
    private final PackedKeys packed;
    private final LogitScale scale;

    ExactDensity(Team team, Points points) {
        super(points);
        int count = points.count();
        packed = new PackedKeys(memory, count, points.features(), 0, LogitScale.of((float) points.factor()));
        scale = packed.scale();
        Matrix rows = Tensor.of(MemorySegment.ofArray(points.rows()), Shape.of(count, points.features()), 0, 0,
                points.stride(), 1).matrix(0, 0);
        team.forEach(Math.ceilDiv(count, PACK), (index, scratch) -> {
            int from = index * PACK;
            int to = Math.min(count, from + PACK);
            scratch.keep(Packer.class, Packer::new).pack(packed, from, to,
                    new KeySource(rows, null, null, 0, Centring.of(points.centre())));
            for (int j = from; j < to; j++) {
                packed.setBias(j, (float) bias(j));
            }
        });
    }

    /** Relative to the largest weight, which keeps the digits of large logarithms. */
    private double bias(int point) {
        return points.logWeight(point) - points.logTotal()
                - squares(points.centre(), points.rows(), point * points.stride());
    }

    /** What the square of a point's or query's distance from the centre takes from the exponent of a Gaussian. */
    private double squares(float[] a, float[] b, int at) {
        return points.kernel().isGaussian()
                ? 0.5 * points.factor() * Points.squaredDistance(a, b, at, points.stride()) : 0;
    }

    @Override
    public double relativeError() {
        return 2 * ROUNDING;
    }

    @Override
    void answer(Team team, Matrix queries, int[] rows, double[] logSums) {
        int most = QueryTile.ROWS;
        team.forEach(Math.ceilDiv(rows.length, most), (index, scratch) -> {
            int[] tile = Arrays.copyOfRange(rows, index * most, Math.min(rows.length, (index + 1) * most));
            answerTile(scratch, queries, tile, logSums);
        });
    }

    private void answerTile(Scratch scratch, Matrix queries, int[] rows, double[] logSums) {
        QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
        SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
        int d = points.features();
        tile.resize(rows.length, d);
        float[] x = new float[points.stride()];
        double[] added = new double[rows.length];
        boolean[] precise = new boolean[rows.length];
        for (int r = 0; r < rows.length; r++) {
            added[r] = points.load(queries, rows[r], x, 0) + points.logTotal();
            precise[r] = Points.ROUNDING * points.radius() * (points.distance(x) + points.radius()) > ROUNDING;
            if (precise[r]) {
                logSums[rows[r]] = preciseSum(queries, rows[r], x) + added[r] - points.logTotal();
                System.arraycopy(points.centre(), 0, x, 0, x.length);
            }
            added[r] -= squares(points.centre(), x, 0);
            for (int c = 0; c < d; c++) {
                x[c] = (x[c] - points.centre()[c]) * scale.power();
            }
            for (int c = 0; c < d; c += Lanes.DEPTH) {
                System.arraycopy(x, c, tile.data(), QueryTile.blockStart(c) + r * Lanes.STRIDE,
                        Math.min(Lanes.DEPTH, d - c));
            }
        }
        state.begin(rows.length, 0);
        state.add(tile, packed);
        for (int r = 0; r < rows.length; r++) {
            if (!precise[r]) {
                logSums[rows[r]] = state.reference(r) * Math.log(2) + Math.log(state.sum(r)) + added[r];
            }
        }
    }

    private double preciseSum(Matrix queries, int row, float[] x) {
        if (points.kernel().isGaussian()) {
            // Differences keep the digits of small distances even in float32, and near points are those that count.
            LogSum sum = new LogSum();
            double nearest = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < points.count(); j++) {
                double log = points.logKernel(x, j);
                nearest = Math.max(nearest, log);
                sum.add(points.logWeight(j) + log);
            }
            if (Points.ROUNDING * (points.logTotal() - sum.log() - nearest) < ROUNDING) {
                return sum.log();
            }
        }
        return points.preciseLogSum(points.precise(queries, row));
    }

    @Override
    void free() {
        memory.close();
    }
}
