package dev.kdeformer.cli.model;

import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.onnx.OnnxAttention;
import dev.kdeformer.onnx.OnnxOutputs;
import dev.kdeformer.onnx.OnnxTransformer;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
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

    /** What efforts take in an attention and how far they are from exact there, the first of which is exact. */
    private static final class Measured {
        private final List<Effort> efforts = new ArrayList<>();
        private final List<Double> milliseconds = new ArrayList<>();
        private final List<Double> errors = new ArrayList<>();

        void add(Effort effort, double took, double error) {
            efforts.add(effort);
            milliseconds.add(took);
            errors.add(error);
        }

        /**
         * The number of an effort of a kind whose error is nearest to one, and 0 if none errs: what errs much more has
         * less influence for its error.
         */
        int nearest(boolean budgeted, double error) {
            int nearest = 0;
            double least = Double.POSITIVE_INFINITY;
            for (int i = 1; i < errors.size(); i++) {
                double distance = Math.abs(Math.log(errors.get(i) / error));
                if (efforts.get(i).budgeted() == budgeted && errors.get(i) > UNSEEN && distance < least) {
                    nearest = i;
                    least = distance;
                }
            }
            return nearest;
        }
    }

    /** What tells influences apart. */
    private record Kind(int attention, boolean budgeted) {
    }

    /** An exact run and what it measured. */
    private record Probe(Map<String, OnnxTensorLike> inputs, Map<String, OutputError.Copy> expected,
            Map<Integer, Measured> attentions) {
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
        Map<Integer, Measured> attentions = new TreeMap<>();
        try (OnnxOutputs outputs = transformer.run(inputs, attention -> exact,
                (attention, input, output, statistics, nanos) -> {
                    if (chosen.test(attention.index())) {
                        attentions.put(attention.index(), measure(input, output, nanos / 1e6));
                    }
                })) {
            return new Probe(inputs, OutputError.copy(outputs), attentions);
        }
    }

    private Measured measure(AttentionInput input, Tensor expected, double exactMs) {
        Measured measured = new Measured();
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            measured.add(new Effort(exact.name(), exact, false), exactMs, 0);
            for (Effort effort : efforts) {
                try {
                    double took = time(effort.method(), input, output);
                    measured.add(effort, took, relative(output, expected));
                } catch (IllegalArgumentException e) {
                    continue; // it does not take what comes to this attention
                }
            }
        }
        return measured;
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

    /** The relative Frobenius error of all heads together. */
    private static double relative(Tensor output, Tensor expected) {
        float[] ours = new float[expected.shape().columns()];
        float[] theirs = new float[ours.length];
        double differences = 0;
        double squares = 0;
        for (int b = 0; b < expected.shape().batch(); b++) {
            for (int h = 0; h < expected.shape().heads(); h++) {
                for (int i = 0; i < expected.shape().rows(); i++) {
                    output.matrix(b, h).readRow(i, ours, 0);
                    expected.matrix(b, h).readRow(i, theirs, 0);
                    for (int c = 0; c < ours.length; c++) {
                        double difference = (double) ours[c] - theirs[c];
                        differences += difference * difference;
                        squares += (double) theirs[c] * theirs[c];
                    }
                }
            }
        }
        return differences == 0 ? 0 : Math.sqrt(differences / squares);
    }

    /** Measures influences that are not known yet: the error at the output for each error of an attention's own. */
    private void addInfluences(Map<Kind, Double> influences, Probe probe, double target) throws OrtException {
        for (Map.Entry<Integer, Measured> each : probe.attentions.entrySet()) {
            Measured measured = each.getValue();
            for (boolean budgeted : new boolean[] {false, true}) {
                Kind kind = new Kind(each.getKey(), budgeted);
                int nearest = measured.nearest(budgeted, target);
                if (nearest > 0 && !influences.containsKey(kind)) {
                    influences.put(kind, error(probe, Map.of(each.getKey(), measured.efforts.get(nearest)))
                            / measured.errors.get(nearest));
                }
            }
        }
    }

    private static Map<Integer, Effort> pick(Map<Integer, Measured> attentions, Map<Kind, Double> influences,
            double aim) {
        List<Integer> numbers = List.copyOf(attentions.keySet());
        double[][] costs = new double[numbers.size()][];
        double[][] weights = new double[numbers.size()][];
        for (int i = 0; i < costs.length; i++) {
            Measured measured = attentions.get(numbers.get(i));
            costs[i] = measured.milliseconds.stream().mapToDouble(each -> each).toArray();
            weights[i] = new double[costs[i].length];
            for (int effort = 1; effort < weights[i].length; effort++) {
                double error = measured.errors.get(effort) * influences.getOrDefault(new Kind(numbers.get(i),
                        measured.efforts.get(effort).budgeted()), 1.0);
                weights[i][effort] = error * error;
            }
        }
        int[] picks = Knapsack.pick(costs, weights, aim * aim);
        Map<Integer, Effort> picked = new TreeMap<>();
        for (int i = 0; i < picks.length; i++) {
            if (picks[i] > 0) {
                picked.put(numbers.get(i), attentions.get(numbers.get(i)).efforts.get(picks[i]));
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
