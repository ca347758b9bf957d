package dev.kdeformer.pilot.gradient;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.pilot.gradient.WalkRecord.Leaf;
import dev.kdeformer.pilot.gradient.WalkRecord.Step;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Reflection;
import dev.kdeformer.pilot.tile.Damping;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Pilot attention of one query head in double precision, straight from the definition, as a recorded walk decided. */
final class PlainPilot {
    private final AttentionInput input;
    private final List<Leaf> leaves;
    private final int[] rows;
    private final int[] starts;
    private final double[] biases;
    private final double[] centre;
    private final Reflection reflection;
    private final int d;
    private final int dv;
    private final double sink;
    /** Queries as they were given. */
    private double[] plain;
    private double[] query;
    private double[] key;
    private double[] value;

    /**
     * One query head.
     *
     * @param sink logit of its sink, −∞ for none
     */
    PlainPilot(AttentionInput input, KeyGroups keys, List<Leaf> leaves, double sink) {
        this.sink = sink;
        this.input = input;
        this.leaves = leaves;
        this.rows = keys.order().clone();
        this.starts = keys.starts().clone();
        this.biases = new double[keys.count()];
        Arrays.setAll(biases, j -> keys.biases()[j]);
        this.d = input.d();
        this.dv = input.dv();
        this.centre = new double[d];
        this.reflection = keys.reflection();
        Arrays.setAll(centre, c -> keys.centre()[c]);
    }

    /** The output, n × d_v, for the elements of the query head and of its key head. */
    double[] output(double[] newQuery, double[] newKey, double[] newValue) {
        plain = newQuery;
        query = reflection.applied(newQuery, d);
        key = newKey.clone();
        for (int i = 0; i < key.length; i++) {
            key[i] -= centre[i % d];
        }
        key = reflection.applied(key, d);
        value = newValue;
        double[] output = new double[input.queries() * dv];
        for (Leaf leaf : leaves) {
            Groups groups = new Groups(starts.length - 1);
            for (Step step : leaf.steps()) {
                groups.move(step.centre(), step.move());
                for (int j : step.folded()) {
                    groups.fold(j);
                }
            }
            for (int i = 0; i < leaf.rows().length; i++) {
                int[] near = leaf.exact() == null ? leaf.near() : withExact(leaf.near(), leaf.exact()[i]);
                attend(leaf, groups, near, leaf.rows()[i], output);
            }
        }
        return output;
    }

    private double key(int j, int c) {
        return key[rows[j] * d + c];
    }

    private double value(int j, int c) {
        return value[rows[j] * dv + c];
    }

    private double logit(double[] x, int j) {
        double logit = biases[j];
        for (int c = 0; c < d; c++) {
            logit += x[c] * key(j, c);
        }
        return logit;
    }

    /** Keys of the groups, and those whose rows are the caller's rows [first, end). */
    private int[] withExact(int[] near, int[] rowsBetween) {
        IntStream more = IntStream.range(0, rows.length)
                .filter(j -> rows[j] >= rowsBetween[0] && rows[j] < rowsBetween[1]);
        return IntStream.concat(Arrays.stream(near), more).toArray();
    }

    private void attend(Leaf leaf, Groups groups, int[] near, int row, double[] output) {
        double[] scaled = new double[d];
        double[] delta = new double[d];
        for (int c = 0; c < d; c++) {
            scaled[c] = input.scale() * query[row * d + c];
            delta[c] = scaled[c] - groups.centroid[c];
        }
        int count = near.length;
        double[] logits = new double[count + groups.keys.length];
        for (int e = 0; e < count; e++) {
            logits[e] = logit(scaled, near[e]);
        }
        double variance = 0;
        for (int c = 0; c < d; c++) {
            variance += delta[c] * delta[c] * leaf.spread()[c];
        }
        double second = 0.5 * Damping.factor(variance);
        for (int g = 0; g < groups.keys.length; g++) {
            double logit = groups.mass.log(g);
            for (int c = 0; c < d; c++) {
                logit += delta[c] * groups.keys[g][c] + second * delta[c] * delta[c] * leaf.moments()[g][c];
            }
            logits[count + g] = logit;
        }
        SoftmaxSums sums = new SoftmaxSums(1, dv, SoftmaxSums.NATURAL);
        // Logits are without what the keys' centre adds to all of a query.
        double shift = 0;
        for (int c = 0; c < d; c++) {
            shift += input.scale() * plain[row * d + c] * centre[c];
        }
        sums.add(0, sink - shift, 1);
        for (int e = 0; e < logits.length; e++) {
            double p = sums.add(0, logits[e], 1);
            for (int c = 0; c < dv && p > 0; c++) {
                double v = e < count ? value(near[e], c) : groups.values[e - count][c];
                for (int f = 0; f < d && e >= count; f++) {
                    v += delta[f] * leaf.tilt()[f][c];
                }
                sums.values()[c] += p * v;
            }
        }
        for (int c = 0; c < dv; c++) {
            output[row * dv + c] = sums.mean(0, c);
        }
    }

    /** The groups on the way down. */
    private final class Groups {
        private final SoftmaxSums mass;
        private final double[][] keys;
        private final double[][] values;
        private double[] centroid;

        Groups(int count) {
            mass = new SoftmaxSums(count, 0, SoftmaxSums.NATURAL);
            keys = new double[count][d];
            values = new double[count][dv];
        }

        void move(double[] to, double[] valueMove) {
            for (int g = 0; g < keys.length && centroid != null; g++) {
                for (int c = 0; c < d; c++) {
                    mass.shift(g, (to[c] - centroid[c]) * keys[g][c]);
                }
                for (int c = 0; c < dv && mass.sums()[g] > 0; c++) {
                    values[g][c] += valueMove[c];
                }
            }
            centroid = to;
        }

        void fold(int j) {
            int g = 0;
            while (j >= starts[g + 1]) {
                g++;
            }
            double part = mass.add(g, logit(centroid, j), 1) / mass.sums()[g];
            for (int c = 0; c < d; c++) {
                keys[g][c] += part * (key(j, c) - keys[g][c]);
            }
            for (int c = 0; c < dv; c++) {
                values[g][c] += part * (value(j, c) - values[g][c]);
            }
        }
    }
}
