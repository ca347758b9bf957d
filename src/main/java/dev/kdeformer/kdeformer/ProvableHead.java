package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.AliasTable;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/** One query head of {@link ProvableKdeformer}. */
final class ProvableHead {
    /** Relative error of the column masses; it costs draws and no correctness. */
    private static final double MASS_ERROR = 0.3;

    /** Row sums, column masses, the norm of P and the draws share the probability of failure. */
    private static final double SHARES = 4;

    private final ProvableKdeformer method;
    private final Call call;
    private final KeyHead head;
    private final int member;
    private final Team team;
    private final int n;
    private final int m;
    private final CounterRandom random;
    private final SoftmaxSums sums;
    private double columns;

    ProvableHead(ProvableKdeformer method, Call call, KeyHead head, int member) {
        AttentionInput input = call.input();
        this.method = method;
        this.call = call;
        this.head = head;
        this.member = member;
        this.team = call.team();
        this.n = input.queries();
        this.m = head.keys();
        this.random = CounterRandom.of(method.seed()).stream(head.index(), member);
        this.sums = new SoftmaxSums(team, input.scale(), method.estimator(), random.stream(1).bits(0));
    }

    /** Key evaluations per query. */
    double columns() {
        return columns;
    }

    /** Computes and writes the output; returns the bound it comes with. */
    Claim attend() {
        double[] bias = new double[m];
        boolean any = false;
        for (int j = 0; j < m; j++) {
            bias[j] = head.bias() == null ? 0 : head.bias().get(0, j);
            any |= bias[j] > Double.NEGATIVE_INFINITY;
        }
        if (!any) {
            writeNothing();
            return Claim.NONE;
        }
        AttentionInput input = call.input();
        int batch = head.index() / input.kvHeads();
        int keyHead = head.index() % input.kvHeads();
        Tensor query = input.query().head(batch, keyHead * input.groupSize() + member);
        Tensor key = input.key().rows(0, m).head(batch, keyHead);
        double failure = method.failureProbability() / SHARES;
        double[] logSums = sums.of(1, key, bias, query, method.epsilon() / 3, failure);
        double sumsError = sums.relativeError();
        double[] twice = new double[n];
        Arrays.setAll(twice, i -> -2 * logSums[i]);
        double[] logMass = sums.of(2, query, twice, key, MASS_ERROR, failure);
        // Masses come from estimates, of the row sums too; the bound needs them not too small.
        double allowance = (1 + sumsError) * (1 + sumsError) / (1 - sums.relativeError());
        double matrixSquare = MatrixNorm.lowerSquare(sums, query, key, bias, logSums, sumsError, failure);
        double[] valueSquares = new double[m];
        double values = valueNorm(bias, valueSquares);
        double[] scores = new double[m];
        for (int j = 0; j < m; j++) {
            if (bias[j] > Double.NEGATIVE_INFINITY) {
                scores[j] = allowance * Math.exp(logMass[j] + 2 * bias[j]) / matrixSquare
                        + (values > 0 ? valueSquares[j] / (values * values) : 0);
            }
        }
        SamplingPlan plan = new SamplingPlan(scores, sumsError, failure);
        long draws = method.samples() > 0 ? method.samples() : plan.draws(method.epsilon());
        double epsilon = method.samples() > 0 ? plan.epsilon(draws) : method.epsilon();
        int distinct = attendToSample(plan, draws, bias, logSums);
        columns = sums.evaluations() / n * input.d() / (input.d() + input.dv()) + distinct;
        return new Claim(epsilon, Math.sqrt(matrixSquare), values, draws, distinct, m);
    }

    private void writeNothing() {
        float[] zeros = new float[call.input().dv()];
        for (int i = 0; i < n; i++) {
            head.output(member).writeRow(i, zeros, 0);
            if (head.logSumExp(member) != null) {
                head.logSumExp(member).set(i, 0, Float.NEGATIVE_INFINITY);
            }
        }
    }

    /** ‖V‖ over the keys that count, and the squared norm of each of their values. */
    private double valueNorm(double[] bias, double[] squares) {
        int dv = call.input().dv();
        Gram gram = new Gram(dv);
        for (int j = 0; j < m; j++) {
            if (bias[j] == Double.NEGATIVE_INFINITY) {
                continue;
            }
            for (int c = 0; c < dv; c++) {
                double v = head.value().get(j, c);
                gram.next()[c] = v;
                squares[j] += v * v;
            }
            gram.add();
        }
        return Math.sqrt(Math.max(0, SymmetricEigen.largest(gram.matrix(), dv)));
    }

    /** D̃⁻¹ · A · Πᵀ · Π · V: sampled keys with weights in their biases, divided by the row sums estimated before. */
    private int attendToSample(SamplingPlan plan, long draws, double[] bias, double[] logSums) {
        AttentionInput input = call.input();
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        int[] counts = new int[m];
        AliasTable table = AliasTable.of(scratch, m, plan::score);
        CounterRandom stream = random.stream(2);
        for (long i = 0; i < draws; i++) {
            counts[table.draw(stream.bits(i))]++;
        }
        long order = scratch.ints(m);
        int distinct = 0;
        for (int j = 0; j < m; j++) {
            if (counts[j] > 0) {
                Memory.putInt(order + 4L * distinct++, j);
            }
        }
        PackedKeys keys = new PackedKeys(scratch, distinct, input.d(), input.dv(), LogitScale.of(input.scale()));
        float[] centre = head.centre();
        scratch.keep(Packer.class, Packer::new).pack(keys, 0, distinct,
                new KeySource(head.key(), head.value(), null, order, Centring.of(centre)));
        for (int position = 0; position < distinct; position++) {
            int j = Memory.getInt(order + 4L * position);
            keys.setBias(position, (float) (bias[j] + Math.log((double) counts[j] / draws) - plan.logProbability(j)));
        }
        int tiles = Math.ceilDiv(n, QueryTile.ROWS);
        team.forEach(tiles, (tile, own) -> {
            int from = tile * QueryTile.ROWS;
            attendTile(own, keys, centre, from, Math.min(QueryTile.ROWS, n - from), logSums);
        });
        scratch.release(mark);
        return distinct;
    }

    private void attendTile(Scratch scratch, PackedKeys keys, float[] centre, int from, int count, double[] logSums) {
        int dv = call.input().dv();
        Matrix query = head.query(member);
        QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
        SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
        tile.load(query, 0, from, count, keys.scale());
        state.begin(count, dv);
        state.add(tile, keys);
        double[] shift = head.shift(query, 0, from, count, centre);
        float[] row = new float[dv];
        for (int r = 0; r < count; r++) {
            double factor = Math.exp(state.reference(r) * Math.log(2) + shift[r] - logSums[from + r]);
            for (int c = 0; c < dv; c++) {
                row[c] = (float) (state.values()[r * state.valueStride() + c] * factor);
            }
            head.output(member).writeRow(from + r, row, 0);
            if (head.logSumExp(member) != null) {
                head.logSumExp(member).set(from + r, 0, (float) logSums[from + r]);
            }
        }
    }
}
