package dev.kdeformer.cli.density;

import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.density.DensityInput.Loaded;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.kde.KernelDensity.Statistics;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/** Estimates a density at all queries, checks some of them exactly, and estimates it on a grid for the plot. */
public final class DensityBench {
    /** Queries that are also evaluated exactly. */
    private static final int CHECKED = 64;

    /** Estimates of a curve, and of each side of a map. */
    private static final int CURVE = 512;
    private static final int SIDE = 160;

    /** What the plot shows beyond the points on each side, as a part of their range. */
    private static final double MARGIN = 0.05;

    private final Engine engine;
    private final Arena arena;
    private final Loaded input;
    private final Settings settings;

    /**
     * What to estimate and how.
     *
     * @param rule          the name of the rule that gave the bandwidth, or the empty string
     * @param relativeError largest relative error of an estimate
     */
    public record Settings(Kernel kernel, String rule, Estimator estimator, double relativeError, long seed) {
    }

    /** A run for an input whose tensors lie in {@code arena}. */
    public DensityBench(Engine engine, Arena arena, Loaded input, Settings settings) {
        this.engine = engine;
        this.arena = arena;
        this.input = input;
        this.settings = settings;
    }

    private KernelDensity build(Estimator estimator) {
        var builder = KernelDensity.builder().kernel(settings.kernel).estimator(estimator)
                .relativeError(settings.relativeError).seed(settings.seed);
        return (input.weights() == null ? builder : builder.weights(input.weights())).build(engine, input.points());
    }

    /**
     * Does it.
     *
     * @param grid whether to estimate on a grid too, for points of one or two features
     */
    public DensityReport run(Progress progress, boolean grid) {
        progress.stage("building");
        long start = System.nanoTime();
        try (KernelDensity density = build(settings.estimator)) {
            long built = System.nanoTime();
            progress.stage("estimating");
            double[] logs = new double[input.queries().shape().rows()];
            Statistics statistics = density.queryDensity(engine, input.queries(), logs);
            long done = System.nanoTime();
            progress.stage("checking");
            double error = largestError(logs);
            progress.stage("drawing");
            DensityPanel panel = grid ? panel(density) : null;
            return new DensityReport(input, settings, logs, new DensityReport.Spent(engine.threads(),
                    (built - start) / 1e6, (done - built) / 1e6, statistics),
                    new DensityReport.Check(Math.min(CHECKED, logs.length), error), panel);
        }
    }

    /** The largest relative error at some queries, spread over all of them. */
    private double largestError(double[] logs) {
        int count = Math.min(CHECKED, logs.length);
        Tensor some = Tensor.allocate(arena, Shape.of(count, input.queries().shape().columns()));
        float[] row = new float[some.shape().columns()];
        for (int i = 0; i < count; i++) {
            input.queries().matrix(0, 0).readRow(place(i, count, logs.length), row, 0);
            some.matrix(0, 0).writeRow(i, row, 0);
        }
        double[] exact = new double[count];
        try (KernelDensity density = build(Estimator.EXACT)) {
            density.queryDensity(engine, some, exact);
        }
        double largest = 0;
        for (int i = 0; i < count; i++) {
            double estimate = logs[place(i, count, logs.length)];
            double error = estimate == exact[i] ? 0 : Math.abs(Math.expm1(estimate - exact[i]));
            largest = error <= largest ? largest : error;
        }
        return largest;
    }

    private static int place(int i, int count, int all) {
        return (int) ((long) i * all / count);
    }

    private DensityPanel panel(KernelDensity density) {
        Matrix points = input.points().matrix(0, 0);
        int d = points.columns();
        double[] low = new double[d];
        double[] high = new double[d];
        for (int c = 0; c < d; c++) {
            low[c] = Double.POSITIVE_INFINITY;
            high[c] = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < points.rows(); i++) {
                low[c] = Math.min(low[c], points.get(i, c));
                high[c] = Math.max(high[c], points.get(i, c));
            }
            double margin = Math.max(MARGIN * (high[c] - low[c]), 2 * settings.kernel.parameter());
            low[c] -= margin;
            high[c] += margin;
        }
        int width = d == 1 ? CURVE : SIDE;
        int height = d == 1 ? 1 : SIDE;
        Tensor grid = Tensor.allocate(arena, Shape.of(width * height, d));
        for (int i = 0; i < width * height; i++) {
            grid.matrix(0, 0).set(i, 0, (float) (low[0] + (i % width + 0.5) / width * (high[0] - low[0])));
            if (d == 2) {
                grid.matrix(0, 0).set(i, 1, (float) (low[1] + (i / width + 0.5) / height * (high[1] - low[1])));
            }
        }
        double[] logs = new double[width * height];
        density.queryDensity(engine, grid, logs);
        return new DensityPanel(input.name(), low, high, width, logs);
    }
}
