package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Runs a method within error budgets, and measures every head of every run. */
public final class BudgetBench {
    private final Engine engine;
    private final NamedInput named;
    private final String method;
    private final int certificateRows;

    public BudgetBench(Engine engine, NamedInput named, String method, int certificateRows) {
        this.engine = engine;
        this.named = named;
        this.method = method;
        this.certificateRows = certificateRows;
    }

    /**
     * Runs every budget with every seed.
     *
     * @param first the first seed
     * @param seeds how many
     * @throws dev.kdeformer.cli.console.Failure if the memory does not suffice
     */
    public BudgetReport run(Progress progress, List<Double> budgets, long first, int seeds) {
        AttentionInput input = named.input();
        AttentionMethod exact = Attention.exact().build();
        double scratch = exact.estimate(input, engine.threads()).scratchBytes();
        for (double budget : budgets) {
            scratch = Math.max(scratch, method(budget, first).estimate(input, engine.threads()).scratchBytes());
        }
        Machine.requireMemory(named.bytes() + 2.0 * input.outputShape().elements() * Float.BYTES + scratch,
                "this run");
        List<BudgetReport.Case> cases = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            Tensor truth = Tensor.allocate(arena, input.outputShape());
            Tensor output = Tensor.allocate(arena, input.outputShape());
            progress.stage("exact");
            // The first calls of a process are slow.
            exact.apply(engine, input, truth);
            double exactMs = milliseconds(() -> exact.apply(engine, input, truth));
            progress.stage("warming up " + method);
            method(budgets.get(0), first).apply(engine, input, output);
            for (double budget : budgets) {
                for (long seed = first; seed < first + seeds; seed++) {
                    progress.stage(method + " within " + budget + ", seed " + seed);
                    AttentionMethod made = method(budget, seed);
                    Statistics[] done = new Statistics[1];
                    double ms = milliseconds(() -> done[0] = made.apply(engine, input, output));
                    ErrorReport errors = ErrorReport.of(engine, output, truth);
                    Certificate certificate = Certificate.of(engine, input, output, certificateRows, seed,
                            Bench.CONFIDENCE);
                    for (int head = 0; head < errors.each().size(); head++) {
                        cases.add(new BudgetReport.Case(budget, seed, head, errors.each().get(head).spectral(),
                                frobenius(output, truth, head), certificate.heads().get(head), done[0].columns(),
                                ms / exactMs));
                    }
                }
            }
        }
        return new BudgetReport(named, method, engine.threads(), Bench.CONFIDENCE, certificateRows, cases);
    }

    private AttentionMethod method(double budget, long seed) {
        return Methods.find(method).make(Allowance.within(budget), seed, Map.of());
    }

    private static double milliseconds(Runnable call) {
        long start = System.nanoTime();
        call.run();
        return (System.nanoTime() - start) / 1e6;
    }

    /** ‖Õ − O‖ / ‖O‖ of a head in the Frobenius norm, which is what the certificate is about. */
    private static double frobenius(Tensor output, Tensor truth, int head) {
        int heads = truth.shape().heads();
        Matrix approximate = output.matrix(head / heads, head % heads);
        Matrix exact = truth.matrix(head / heads, head % heads);
        double error = 0;
        double norm = 0;
        for (int i = 0; i < exact.rows(); i++) {
            for (int c = 0; c < exact.columns(); c++) {
                double o = exact.get(i, c);
                double e = approximate.get(i, c) - o;
                error += e * e;
                norm += o * o;
            }
        }
        return error == 0 ? 0 : Math.sqrt(error / norm);
    }
}
