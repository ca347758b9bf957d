package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Calibration;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Runs a method within error budgets, measures every head of every run, and finds what the promise costs: each budget
 * against the cheapest fixed cost of pilot attention that keeps the same error, against exact attention and against the
 * method with a calibration. All that is timed is warm and takes turns.
 */
public final class BudgetBench {
    private static final int LEAST_ROUNDS = 3;

    private final Engine engine;
    private final NamedInput named;
    private final AttentionInput input;
    private final String method;
    private final int certificateRows;
    private final boolean priced;

    /**
     * Prepares to run.
     *
     * @param priced whether to look for the cheapest fixed costs, and to calibrate
     */
    public BudgetBench(Engine engine, NamedInput named, String method, int certificateRows, boolean priced) {
        this.engine = engine;
        this.named = named;
        this.input = named.input();
        this.method = method;
        this.certificateRows = certificateRows;
        this.priced = priced;
    }

    /** A run whose errors are measured, and which is then timed in turns with the others. */
    private record Judged(double budget, long seed, double evaluations, ErrorReport errors, double[] frobenius,
            Certificate certificate) {
    }

    /** What stands beside the runs of a budget; no calibration where the method takes none. */
    private record Beside(double budget, int columns, double columnsError, Calibration calibration,
            double calibratedError) {
    }

    /**
     * Runs every budget with every seed.
     *
     * @param first the first seed
     * @param seeds how many
     * @throws dev.kdeformer.cli.console.Failure if the memory does not suffice
     */
    public BudgetReport run(Progress progress, List<Double> budgets, long first, int seeds) {
        AttentionMethod exact = Attention.exact().build();
        double scratch = exact.estimate(input, engine.threads()).scratchBytes();
        for (double budget : budgets) {
            scratch = Math.max(scratch, method(budget, first).estimate(input, engine.threads()).scratchBytes());
        }
        Machine.requireMemory(named.bytes() + 2.0 * input.outputShape().elements() * Float.BYTES + scratch,
                "this run");
        try (Arena arena = Arena.ofShared()) {
            Tensor truth = Tensor.allocate(arena, input.outputShape());
            Tensor output = Tensor.allocate(arena, input.outputShape());
            progress.stage("exact");
            Turns.warmUp(() -> exact.apply(engine, input, truth), Turns.STILL_SECONDS);
            List<Judged> judged = new ArrayList<>();
            for (double budget : budgets) {
                for (long seed = first; seed < first + seeds; seed++) {
                    progress.stage(method + " within " + budget + ", seed " + seed);
                    judged.add(judge(budget, seed, truth, output));
                }
            }
            String unpriced = priced ? refusal(output) : null;
            List<Beside> beside = new ArrayList<>();
            if (priced && unpriced == null) {
                FixedCosts costs = new FixedCosts(engine, input, truth, output, progress);
                budgets.forEach(budget -> beside.add(beside(progress, costs, budget, first, truth, output)));
            }
            return timed(progress, judged, beside, seeds, output, unpriced);
        }
    }

    private Judged judge(double budget, long seed, Tensor truth, Tensor output) {
        Statistics done = method(budget, seed).apply(engine, input, output);
        ErrorReport errors = ErrorReport.of(engine, output, truth);
        double[] frobenius = new double[errors.each().size()];
        for (int head = 0; head < frobenius.length; head++) {
            frobenius[head] = frobenius(output, truth, head);
        }
        return new Judged(budget, seed, done.columns(), errors, frobenius,
                Certificate.of(engine, input, output, certificateRows, seed, Bench.CONFIDENCE));
    }

    /** Why pilot attention does not take the input, or null. */
    private String refusal(Tensor output) {
        try {
            FixedCosts.method(1).apply(engine, input, output);
            return null;
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
    }

    private Beside beside(Progress progress, FixedCosts costs, double budget, long seed, Tensor truth,
            Tensor output) {
        int columns = costs.cheapest(budget);
        double error = columns == 0 ? 0 : costs.error(columns);
        if (!Methods.find(method).takesCalibration()) {
            return new Beside(budget, columns, error, null, Double.NaN);
        }
        progress.stage("calibrating for " + budget);
        Calibration calibration = PilotAttention.builder().budget(ErrorBudget.relativeSpectral(budget)).seed(seed)
                .build().calibrate(engine, input);
        calibrated(calibration, seed).apply(engine, input, output);
        return new Beside(budget, columns, error, calibration,
                ErrorReport.of(engine, output, truth).max().spectral());
    }

    /** Rounds in which exact attention, one seed of every budget and what stands beside it run once each. */
    private BudgetReport timed(Progress progress, List<Judged> judged, List<Beside> beside, int seeds, Tensor output,
            String unpriced) {
        int passes = (LEAST_ROUNDS + seeds - 1) / seeds;
        int rounds = passes * seeds;
        AttentionMethod exact = Attention.exact().build();
        double[] exactMs = new double[rounds];
        double[][] ms = new double[judged.size()][passes];
        double[][] fixedMs = new double[beside.size()][rounds];
        double[][] calibratedMs = new double[beside.size()][rounds];
        progress.stage("warming up");
        Turns.warmUp(() -> {
            for (int i = 0; i < judged.size(); i += seeds) {
                method(judged.get(i).budget(), judged.get(i).seed()).apply(engine, input, output);
            }
            for (Beside each : beside) {
                if (each.columns() > 0) {
                    FixedCosts.method(each.columns()).apply(engine, input, output);
                }
                if (each.calibration() != null) {
                    calibrated(each.calibration(), judged.getFirst().seed()).apply(engine, input, output);
                }
            }
        }, Turns.STILL_SECONDS);
        for (int round = 0; round < rounds; round++) {
            progress.stage("timing, round " + (round + 1) + " of " + rounds);
            exactMs[round] = milliseconds(exact, output);
            for (int i = round % seeds; i < judged.size(); i += seeds) {
                ms[i][round / seeds] = milliseconds(method(judged.get(i).budget(), judged.get(i).seed()), output);
            }
            for (int i = 0; i < beside.size(); i++) {
                Beside each = beside.get(i);
                fixedMs[i][round] = each.columns() == 0 ? exactMs[round]
                        : milliseconds(FixedCosts.method(each.columns()), output);
                calibratedMs[i][round] = each.calibration() == null ? Double.NaN
                        : milliseconds(calibrated(each.calibration(), judged.get(round % seeds).seed()), output);
            }
        }
        double exactMedian = median(exactMs);
        List<BudgetReport.Case> cases = new ArrayList<>();
        for (int i = 0; i < judged.size(); i++) {
            Judged run = judged.get(i);
            BudgetReport.Run whole = new BudgetReport.Run(run.budget(), run.seed(), run.evaluations(),
                    median(ms[i]) / exactMedian);
            for (int head = 0; head < run.frobenius().length; head++) {
                cases.add(new BudgetReport.Case(whole, head, run.errors().each().get(head).spectral(),
                        run.frobenius()[head], run.certificate().heads().get(head)));
            }
        }
        List<BudgetPrice> prices = new ArrayList<>();
        for (int i = 0; i < beside.size(); i++) {
            Beside each = beside.get(i);
            double[] searched = IntStream.range(0, judged.size()).filter(j -> judged.get(j).budget() == each.budget())
                    .mapToObj(j -> ms[j]).flatMapToDouble(Arrays::stream).toArray();
            prices.add(new BudgetPrice(each.budget(), exactMedian, median(searched), each.columns(),
                    new BudgetPrice.Beside(median(fixedMs[i]), each.columnsError()),
                    new BudgetPrice.Beside(median(calibratedMs[i]), each.calibratedError())));
        }
        return new BudgetReport(named, method, engine.threads(),
                new BudgetReport.Sampled(Bench.CONFIDENCE, certificateRows), cases, prices, unpriced);
    }

    private static double median(double[] ms) {
        return Times.of(ms).medianMs();
    }

    private AttentionMethod method(double budget, long seed) {
        return Methods.find(method).make(Allowance.within(budget), seed, Map.of());
    }

    private AttentionMethod calibrated(Calibration calibration, long seed) {
        return Methods.find(method).make(Allowance.calibrated(calibration), seed, Map.of());
    }

    private double milliseconds(AttentionMethod made, Tensor output) {
        long start = System.nanoTime();
        made.apply(engine, input, output);
        return (System.nanoTime() - start) / 1e6;
    }

    /** The error of a head in the Frobenius norm, which is what the certificate is about. */
    private static double frobenius(Tensor output, Tensor truth, int head) {
        int heads = truth.shape().heads();
        FrobeniusError error = new FrobeniusError();
        error.add(output.matrix(head / heads, head % heads), truth.matrix(head / heads, head % heads));
        return error.relative();
    }
}
