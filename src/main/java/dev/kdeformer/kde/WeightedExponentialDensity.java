package dev.kdeformer.kde;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntList;
import it.unimi.dsi.fastutil.longs.Long2ObjectRBTreeMap;
import it.unimi.dsi.fastutil.longs.LongComparators;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Weighted sums of the exponential kernel by any estimator of Gaussian sums: procedure WExpKDE of KDEformer (Zandieh,
 * Han, Daliri and Karbasi, ICML 2023, section 3). From exp(⟨x, y⟩) = exp(½‖x‖²)·exp(½‖y‖²)·exp(−½‖x − y‖²), a point's
 * weight grows by exp(½‖y‖²); points whose weights lie within the same power of two form a class, and each class gets a
 * Gaussian density of its own. All of it in logarithms, relative to the heaviest class, so that no norm overflows.
 *
 * <p>Which classes are too light to matter depends on the query: a class adds at most W·exp(‖x‖·r) to the sum, W being
 * the sum of its weights u and r its largest norm, and the whole sum is at least the sum of all u where their weighted
 * mean is the origin (Jensen's inequality). A query leaves out the lightest classes as long as their bounds stay below
 * an eighth of the target together.
 */
public final class WeightedExponentialDensity extends DensityBase {
    /** Makes a Gaussian density of bandwidth 1 for one class. */
    @FunctionalInterface
    public interface Factory {
        /**
         * Makes the density.
         *
         * @param points     (1, 1, n, d)
         * @param logWeights n natural logarithms
         * @param target     what the class has to reach: its largest relative error, the largest probability of a
         *                   larger one, per query, and a seed of its own
         */
        KernelDensity build(Engine engine, Tensor points, double[] logWeights, Target target);

        /** The densities of this package. */
        static Factory of(Estimator estimator) {
            return (engine, points, logWeights, target) -> KernelDensity.builder().kernel(Kernel.gaussian(1))
                    .estimator(estimator).relativeError(target.relativeError())
                    .failureProbability(target.failureProbability()).seed(target.seed()).logWeights(logWeights)
                    .build(engine, points);
        }
    }

    /** The part of the target that the classes' own densities may use up. */
    private static final double CLASS_SHARE = 0.8;

    /** The part of the target that rounding of exponents may use up. */
    private static final double ROUNDING_SHARE = 0.05;

    /** The part of the target that the classes left out may use up. */
    private static final double DROP_SHARE = 0.125;

    private final Kernel kernel;
    private final double relativeError;
    private final double failureProbability;
    private final double[] centre;
    private final double root;
    private final double sign;
    private final int count;
    private final double logTotal;
    private final List<WeightClass> classes = new ArrayList<>();
    /** The points for queries at which the classes' float32 coordinates are too coarse. */
    private final Points points;
    private final double radius;

    /**
     * Points of one class.
     *
     * @param logOwn  logarithm of the sum of the weights u, those without exp(½‖y‖²)
     * @param logMass logarithm of the sum of the weights with it
     * @param radius  largest norm
     */
    private record WeightClass(KernelDensity density, double logOwn, double logMass, double radius) {
        /** The most that this class can add to the sum at a query of a norm. */
        double logMost(double norm) {
            // A Gaussian is at most 1, and at most what the distance to the nearest possible point allows.
            double apart = Math.max(0, norm - radius);
            return Math.min(logOwn + norm * radius, logMass + 0.5 * norm * norm - 0.5 * apart * apart);
        }
    }

    /**
     * Builds the classes.
     *
     * @param engine     threads
     * @param scale      τ of the kernel exp(τ·⟨x, y⟩)
     * @param points     (1, 1, n, d)
     * @param logWeights natural logarithms of n weights, −∞ for none, or null for weights of 1
     * @param target     the largest relative error of a sum, the largest probability of a larger one, per query, and
     *                   what random choices follow from
     * @param factory    makes the Gaussian densities
     * @throws IllegalArgumentException if the points do not have such a shape, one is not finite, there is not one
     *                                  weight for each and at least one positive, the relative error is not between
     *                                  0.001 and 0.9 or the failure probability not between 1e-9 and 0.5
     */
    public WeightedExponentialDensity(Engine engine, double scale, Tensor points, double[] logWeights, Target target,
            Factory factory) {
        relativeError = target.relativeError();
        failureProbability = target.failureProbability();
        if (!(relativeError >= 0.001 && relativeError <= 0.9)) {
            throw new IllegalArgumentException("relativeError must be between 0.001 and 0.9, got " + relativeError);
        }
        if (!(failureProbability >= 1e-9 && failureProbability <= 0.5)) {
            throw new IllegalArgumentException("failureProbability must be between 1e-9 and 0.5, got "
                    + failureProbability);
        }
        this.kernel = Kernel.exponential(scale);
        this.root = Math.sqrt(Math.abs(scale));
        this.sign = Math.signum(scale);
        Points prepared = Points.of(Kernel.exponential(1), DensityBuilder.single("points", points), logWeights);
        this.points = Points.of(kernel, DensityBuilder.single("points", points), logWeights);
        this.radius = root * prepared.radius();
        this.count = prepared.count();
        this.centre = prepared.mean();
        this.logTotal = prepared.logTotal();
        double[] squares = new double[count];
        Long2ObjectRBTreeMap<IntList> byClass = new Long2ObjectRBTreeMap<>(LongComparators.OPPOSITE_COMPARATOR);
        for (int j = 0; j < count; j++) {
            squares[j] = root * root * Points.squaredNorm(prepared.rows(), j * prepared.stride(),
                    prepared.features());
            long weightClass = (long) Math.floor((prepared.logWeight(j) + 0.5 * squares[j]) / Math.log(2));
            byClass.computeIfAbsent(weightClass, key -> new IntArrayList()).add(j);
        }
        double error = CLASS_SHARE * relativeError;
        double failure = failureProbability / byClass.size();
        boolean built = false;
        try {
            for (IntList members : byClass.values()) {
                Target own = new Target(error, failure, target.seed() + classes.size());
                classes.add(weightClass(engine, prepared, squares, members, own, factory));
            }
            built = true;
        } finally {
            if (!built) {
                free();
            }
        }
    }

    private WeightClass weightClass(Engine engine, Points prepared, double[] squares, IntList members,
            Target target, Factory factory) {
        int d = prepared.features();
        float[] rows = new float[members.size() * d];
        double[] logs = new double[members.size()];
        LogSum own = new LogSum();
        LogSum mass = new LogSum();
        double largest = 0;
        for (int i = 0; i < logs.length; i++) {
            int j = members.getInt(i);
            for (int c = 0; c < d; c++) {
                rows[i * d + c] = (float) (root * prepared.rows()[j * prepared.stride() + c]);
            }
            logs[i] = prepared.logWeight(j) + 0.5 * squares[j];
            own.add(prepared.logWeight(j));
            mass.add(logs[i]);
            largest = Math.max(largest, squares[j]);
        }
        Tensor tensor = Tensor.of(MemorySegment.ofArray(rows), Shape.of(logs.length, d));
        KernelDensity density = factory.build(engine, tensor, logs, target);
        return new WeightClass(density, own.log(), mass.log(), Math.sqrt(largest));
    }

    @Override
    public Kernel kernel() {
        return kernel;
    }

    @Override
    public int points() {
        return count;
    }

    @Override
    public int features() {
        return centre.length;
    }

    @Override
    public double logWeight() {
        return logTotal;
    }

    /** Returns what the classes' own densities state, plus what may be left out; at most what was asked for. */
    @Override
    public double relativeError() {
        double largest = classes.stream().mapToDouble(each -> each.density.relativeError()).max().orElse(0);
        return Math.min(relativeError, largest + DROP_SHARE * relativeError);
    }

    @Override
    public double failureProbability() {
        return classes.stream().mapToDouble(each -> each.density.failureProbability()).max().orElse(0) == 0 ? 0
                : failureProbability;
    }

    /** Returns the number of weight classes. */
    public int classes() {
        return classes.size();
    }

    @Override
    Statistics answer(Team team, Matrix queries, double[] logSums) {
        Engine engine = Crews.within(team);
        int n = queries.rows();
        int d = features();
        float[] rows = new float[Math.multiplyExact(n, d)];
        double[] added = new double[n];
        double[] norms = new double[n];
        load(queries, rows, added, norms);
        double[][] bounds = new double[n][];
        Arrays.setAll(bounds, i -> remaining(norms[i]));
        double[] sums = new double[n];
        Arrays.fill(sums, Double.NEGATIVE_INFINITY);
        double evaluations = 0;
        double exact = 0;
        for (int k = 0; k < classes.size(); k++) {
            int[] chosen = chosen(k, bounds, sums, norms);
            if (chosen.length == 0) {
                continue;
            }
            float[] selected = new float[chosen.length * d];
            for (int i = 0; i < chosen.length; i++) {
                System.arraycopy(rows, chosen[i] * d, selected, i * d, d);
            }
            double[] part = new double[chosen.length];
            Tensor tensor = Tensor.of(MemorySegment.ofArray(selected), Shape.of(part.length, d));
            KernelDensity density = classes.get(k).density;
            Statistics statistics = density.query(engine, tensor, part);
            evaluations += statistics.evaluations() * part.length;
            exact += statistics.exact() * part.length * density.points();
            for (int i = 0; i < part.length; i++) {
                int row = chosen[i];
                sums[row] = LogSum.of(sums[row], part[i] + 0.5 * norms[row] * norms[row]);
            }
        }
        for (int i = 0; i < n; i++) {
            logSums[i] = sums[i] + added[i];
        }
        int[] coarse = IntStream.range(0, n).filter(i -> isCoarse(norms[i])).toArray();
        team.forEach(coarse.length, (index, scratch) -> {
            int row = coarse[index];
            logSums[row] = points.preciseLogSum(points.precise(queries, row)) + added[row];
        });
        evaluations += (double) coarse.length * count;
        exact += (double) coarse.length * count;
        int asked = Math.max(1, n);
        return new Statistics(evaluations / asked, exact / asked / count);
    }

    /** Whether float32 may take more from an exponent at a query of a norm than is allowed. */
    private boolean isCoarse(double norm) {
        return Points.ROUNDING * norm * radius > ROUNDING_SHARE * relativeError;
    }

    /** Queries in the coordinates of the classes, what centring took from their logits, and their norms. */
    private void load(Matrix queries, float[] rows, double[] added, double[] norms) {
        int d = features();
        for (int i = 0; i < added.length; i++) {
            queries.readRow(i, rows, i * d);
            double squares = 0;
            for (int c = 0; c < d; c++) {
                double x = rows[i * d + c];
                if (!Double.isFinite(x)) {
                    throw new IllegalArgumentException("queries must be finite, got " + x + " at (row " + i
                            + ", column " + c + ")");
                }
                added[i] += kernel.parameter() * x * centre[c];
                rows[i * d + c] = (float) (sign * root * x);
                squares += (double) rows[i * d + c] * rows[i * d + c];
            }
            norms[i] = Math.sqrt(squares);
        }
    }

    /** For every class, the logarithm of the most that it and all lighter ones can add. */
    private double[] remaining(double norm) {
        double[] bounds = new double[classes.size() + 1];
        bounds[classes.size()] = Double.NEGATIVE_INFINITY;
        for (int k = classes.size() - 1; k >= 0; k--) {
            bounds[k] = LogSum.of(bounds[k + 1], classes.get(k).logMost(norm));
        }
        return bounds;
    }

    /** The queries to which class k or a lighter one may matter, beside what is certain of their sums. */
    private int[] chosen(int k, double[][] remaining, double[] sums, double[] norms) {
        IntArrayList rows = new IntArrayList();
        for (int i = 0; i < sums.length; i++) {
            double certain = Math.max(logTotal, sums[i] - Math.log1p(relativeError));
            if (!isCoarse(norms[i]) && remaining[i][k] > certain + Math.log(DROP_SHARE * relativeError)) {
                rows.add(i);
            }
        }
        return rows.toIntArray();
    }

    @Override
    void free() {
        classes.forEach(each -> each.density.close());
    }
}
