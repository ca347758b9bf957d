package dev.kdeformer.cli.model;

import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.onnx.OnnxAttention;
import dev.kdeformer.onnx.OnnxOutputs;
import dev.kdeformer.onnx.OnnxTransformer;
import java.util.HashMap;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.function.Function;

/**
 * Divides an error that the output of a model may have over its attentions. The influence of each is measured: the
 * error at the output when it alone is approximated. Errors of different attentions add up like independent ones, so
 * each may cause the same part of the square; what all of them cause together is then measured and the parts are scaled
 * until it fits.
 */
final class ModelBudget {
    /** Budgets beyond these are of no use to a method. */
    private static final double SMALLEST = 1e-4;
    private static final double LARGEST = 1;
    private static final int ROUNDS = 4;
    /** Rounding causes as much. */
    private static final double UNSEEN = 1e-5;
    /** What is aimed at, as a part of what is allowed. */
    private static final double AIM = 0.85;

    private final OnnxTransformer transformer;
    private final Map<String, OnnxTensorLike> inputs;
    private final DoubleFunction<AttentionMethod> maker;
    private final AttentionMethod exact = Attention.exact().build();
    private final Map<String, OutputError.Copy> expected;

    private ModelBudget(OnnxTransformer transformer, Map<String, OnnxTensorLike> inputs,
            DoubleFunction<AttentionMethod> maker) throws OrtException {
        this.transformer = transformer;
        this.inputs = inputs;
        this.maker = maker;
        this.expected = outputs(attention -> exact);
    }

    /**
     * What each attention may spend.
     *
     * @param methods  by number of the attention
     * @param measured the error at the output on the sample
     * @param seen     whether any attention caused an error there, so that influence was measured at all
     */
    record Division(Map<Integer, AttentionMethod> methods, Map<Integer, Double> budgets, double measured,
            boolean seen) {
    }

    /**
     * Divides an error.
     *
     * @param inputs a sample of what the model is to run on
     * @param target relative Frobenius error of the worst output
     * @param maker  makes the method with a budget for its heads
     */
    static Division divide(OnnxTransformer transformer, Map<String, OnnxTensorLike> inputs, double target,
            DoubleFunction<AttentionMethod> maker) throws OrtException {
        return new ModelBudget(transformer, inputs, maker).divide(target);
    }

    private Division divide(double target) throws OrtException {
        int[] numbers = transformer.attentions().stream().mapToInt(attention -> attention.index())
                .filter(index -> index >= 0).sorted().toArray();
        double probe = Math.min(LARGEST, target * 2);
        boolean seen = false;
        Map<Integer, Double> budgets = new HashMap<>();
        for (int number : numbers) {
            AttentionMethod probing = maker.apply(probe);
            double caused = error(attention -> attention.index() == number ? probing : exact);
            seen |= caused > UNSEEN;
            // A method that took exact on the sample tells nothing of what it does on more.
            double influence = caused > UNSEEN ? caused / probe : 1;
            budgets.put(number, clamp(AIM * target / (influence * Math.sqrt(numbers.length))));
        }
        double measured = Double.NaN;
        Map<Integer, AttentionMethod> methods = new HashMap<>();
        for (int round = 0; round < ROUNDS; round++) {
            methods = new HashMap<>();
            for (int number : numbers) {
                methods.put(number, maker.apply(budgets.get(number)));
            }
            Map<Integer, AttentionMethod> now = methods;
            measured = error(attention -> now.get(attention.index()));
            boolean fits = measured <= target;
            if (fits && (measured > target / 2 || round > 0 || !seen)) {
                break;
            }
            double factor = Math.max(0.25, Math.min(2, AIM * target / Math.max(measured, 1e-9)));
            budgets.replaceAll((number, budget) -> clamp(budget * factor));
        }
        if (!(measured <= target)) {
            methods.replaceAll((number, method) -> exact);
            budgets.clear();
            measured = 0;
        }
        return new Division(methods, budgets, measured, seen);
    }

    private static double clamp(double budget) {
        return Math.max(SMALLEST, Math.min(LARGEST, budget));
    }

    private double error(Function<OnnxAttention, AttentionMethod> methods) throws OrtException {
        return OutputError.of(outputs(methods), expected).values().stream().mapToDouble(OutputError::frobenius).max()
                .orElse(0);
    }

    private Map<String, OutputError.Copy> outputs(Function<OnnxAttention, AttentionMethod> methods)
            throws OrtException {
        try (OnnxOutputs outputs = transformer.run(inputs, methods, null)) {
            return OutputError.copy(outputs);
        }
    }
}
