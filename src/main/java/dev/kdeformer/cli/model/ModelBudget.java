package dev.kdeformer.cli.model;

import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.bench.FrobeniusError;
import dev.kdeformer.onnx.OnnxAttention;
import dev.kdeformer.onnx.OnnxOutputs;
import dev.kdeformer.onnx.OnnxTransformer;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntPredicate;

/**
 * Divides an error that the output of a model may have over its attentions, so that they take the least time. On the
 * input itself, one exact run measures what every effort takes and errs in every attention; on a sample, the influence
 * of each attention is measured, the error at the output for each of its own, of efforts of either kind. Errors of
 * different attentions add up like independent ones, by their squares. What all of them cause together is then measured
 * on the input, and the division is made again with more or less until it fits: the promise is checked and not only
 * predicted.
 */
final class ModelBudget {
    private static final int ROUNDS = 5;
    /** Rounding causes as much. */
    private static final double UNSEEN = 1e-5;
    /** What is aimed at, as a part of what is allowed. */
    private static final double AIM = 0.95;
    /** A division that causes less than this part of what is allowed is tried with more. */
    private static final double LITTLE = 0.9;
    /** Two aims whose ratio is less are not told apart. */
    private static final double CLOSE = 1.03;
    /** Efforts are timed until they have taken so long, or three times. */
    private static final double ENOUGH_MS = 20;

    private final OnnxTransformer transformer;
    private final List<Effort> efforts;
    private final IntPredicate chosen;
    private final AttentionMethod exact = Attention.exact().build();

    private ModelBudget(OnnxTransformer transformer, List<Effort> efforts, IntPredicate chosen) {
        this.transformer = transformer;
        this.efforts = efforts;
        this.chosen = chosen;
    }

    /**
     * How each attention is computed.
     *
     * @param efforts  by number of the attention; those that are not there are computed exactly
     * @param measured the error at the output
     */
    record Division(Map<Integer, Effort> efforts, double measured) {
    }

    /**
     * An effort in an attention.
     *
     * @param milliseconds what it took
     * @param error        how far it was from exact there
     */
    private record Tried(Effort effort, double milliseconds, double error) {
    }

    /** What tells influences apart. */
    private record Kind(int attention, boolean budgeted) {
    }

    /**
     * An exact run.
     *
     * @param attentions what was tried in each attention, exact attention first
     */
    private record Probe(Map<String, OnnxTensorLike> inputs, Map<String, OutputError.Copy> expected,
            Map<Integer, List<Tried>> attentions) {
    }

    /**
     * Divides an error.
     *
     * @param inputs  what the model is to run on
     * @param sample  a shorter input, or the same
     * @param target  relative Frobenius error of the worst output
     * @param efforts ways to compute an attention, beside exact
     * @param chosen  attentions that may be computed by these
     */
    static Division divide(OnnxTransformer transformer, Map<String, OnnxTensorLike> inputs,
            Map<String, OnnxTensorLike> sample, double target, List<Effort> efforts, IntPredicate chosen)
            throws OrtException {
        return new ModelBudget(transformer, efforts, chosen).divide(inputs, sample, target);
    }

    private Division divide(Map<String, OnnxTensorLike> inputs, Map<String, OnnxTensorLike> sample, double target)
            throws OrtException {
        Map<Kind, Double> influences = new HashMap<>();
        Probe probe = probe(sample);
        addInfluences(influences, probe, target);
        if (inputs != sample) {
            probe = probe(inputs);
            addInfluences(influences, probe, target); // of efforts that were exact on so few rows
        }
        Division best = new Division(Map.of(), 0);
        double aim = AIM * target;
        double fits = 0;
        double breaks = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            Map<Integer, Effort> picked = pick(probe.attentions, influences, aim);
            if (picked.isEmpty()) {
                break;
            }
            double measured = picked.equals(best.efforts) ? best.measured : error(probe, picked);
            if (measured <= target) {
                best = new Division(picked, measured);
                fits = aim;
            } else {
                breaks = aim;
            }
            if (measured <= target && measured > LITTLE * target || breaks < fits * CLOSE) {
                break;
            }
            aim *= Math.max(0.25, Math.min(2, AIM * target / measured));
            if (!(aim > fits && aim < breaks)) {
                aim = fits > 0 ? Math.sqrt(fits * breaks) : breaks / 2;
            }
        }
        return best;
    }

    /** Runs the model exactly and every effort on what comes to its attentions. */
    private Probe probe(Map<String, OnnxTensorLike> inputs) throws OrtException {
        Map<Integer, List<Tried>> attentions = new TreeMap<>();
        try (OnnxOutputs outputs = transformer.run(inputs, attention -> exact,
                (attention, input, output, statistics, nanos) -> {
                    if (chosen.test(attention.index())) {
                        attentions.put(attention.index(), tryAll(input, output, nanos / 1e6));
                    }
                })) {
            return new Probe(inputs, OutputError.copy(outputs), attentions);
        }
    }

    private List<Tried> tryAll(AttentionInput input, Tensor expected, double exactMs) {
        List<Tried> tried = new ArrayList<>();
        tried.add(new Tried(new Effort(exact.name(), exact, false), exactMs, 0));
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            for (Effort effort : efforts) {
                try {
                    double took = time(effort.method(), input, output);
                    tried.add(new Tried(effort, took, error(output, expected)));
                } catch (IllegalArgumentException e) {
                    continue; // it does not take what comes to this attention
                }
            }
        }
        return tried;
    }

    private double time(AttentionMethod method, AttentionInput input, Tensor output) {
        double least = Double.POSITIVE_INFINITY;
        double all = 0;
        for (int call = 0; call < 3 && all < ENOUGH_MS; call++) {
            long start = System.nanoTime();
            method.apply(transformer.engine(), input, output);
            double took = (System.nanoTime() - start) / 1e6;
            least = Math.min(least, took);
            all += took;
        }
        return least;
    }

    /** The error of all heads together. */
    private static double error(Tensor output, Tensor expected) {
        FrobeniusError error = new FrobeniusError();
        for (int b = 0; b < expected.shape().batch(); b++) {
            for (int h = 0; h < expected.shape().heads(); h++) {
                error.add(output.matrix(b, h), expected.matrix(b, h));
            }
        }
        return error.relative();
    }

    /** Measures influences that are not known yet: the error at the output for each error of an attention's own. */
    private void addInfluences(Map<Kind, Double> influences, Probe probe, double target) throws OrtException {
        for (Map.Entry<Integer, List<Tried>> each : probe.attentions.entrySet()) {
            for (boolean budgeted : new boolean[] {false, true}) {
                Kind kind = new Kind(each.getKey(), budgeted);
                Tried nearest = influences.containsKey(kind) ? null : nearest(each.getValue(), budgeted, target);
                if (nearest != null) {
                    influences.put(kind, error(probe, Map.of(each.getKey(), nearest.effort)) / nearest.error);
                }
            }
        }
    }

    /**
     * The effort of a kind whose error is nearest to one, and null if none errs: what errs much more has less influence
     * for its error.
     */
    private static Tried nearest(List<Tried> tried, boolean budgeted, double error) {
        return tried.stream().filter(each -> each.effort.budgeted() == budgeted && each.error > UNSEEN)
                .min(Comparator.comparingDouble(each -> Math.abs(Math.log(each.error / error)))).orElse(null);
    }

    private static Map<Integer, Effort> pick(Map<Integer, List<Tried>> attentions, Map<Kind, Double> influences,
            double aim) {
        List<Integer> numbers = List.copyOf(attentions.keySet());
        double[][] costs = new double[numbers.size()][];
        double[][] weights = new double[numbers.size()][];
        for (int i = 0; i < costs.length; i++) {
            int number = numbers.get(i);
            List<Tried> tried = attentions.get(number);
            costs[i] = tried.stream().mapToDouble(Tried::milliseconds).toArray();
            weights[i] = tried.stream().mapToDouble(each -> each.error
                    * influences.getOrDefault(new Kind(number, each.effort.budgeted()), 1.0)).map(e -> e * e).toArray();
        }
        int[] picks = Knapsack.pick(costs, weights, aim * aim);
        Map<Integer, Effort> picked = new TreeMap<>();
        for (int i = 0; i < picks.length; i++) {
            if (picks[i] > 0) {
                picked.put(numbers.get(i), attentions.get(numbers.get(i)).get(picks[i]).effort);
            }
        }
        return picked;
    }

    /** The error at the worst output where some attentions are computed by these efforts and the others exactly. */
    private double error(Probe probe, Map<Integer, Effort> picked) throws OrtException {
        Function<OnnxAttention, AttentionMethod> methods = attention -> picked.containsKey(attention.index())
                ? picked.get(attention.index()).method() : exact;
        try (OnnxOutputs outputs = transformer.run(probe.inputs, methods, null)) {
            return OutputError.of(OutputError.copy(outputs), probe.expected).values().stream()
                    .mapToDouble(OutputError::frobenius).max().orElse(0);
        }
    }
}
