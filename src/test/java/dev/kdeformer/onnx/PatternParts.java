package dev.kdeformer.onnx;

import java.util.List;
import java.util.Map;

/** What patterns are made of: sinks in three forms, rotary embeddings, convolutions. */
final class PatternParts {
    private PatternParts() {
    }

    /** As gpt-oss is exported: a column of logits before the softmax, cut off after it. */
    static String sinks(TestModel model) {
        return sinks(model, Patterns.layer(model, 2, 24), true, scores -> model.node("Add", scores,
                Patterns.triangle(model, 24, 24, -Float.MAX_VALUE)));
    }

    static String sinksInAWindow(TestModel model) {
        boolean[] visible = new boolean[24 * 24];
        for (int i = 0; i < visible.length; i++) {
            visible[i] = i % 24 <= i / 24 && i % 24 > i / 24 - 5;
        }
        String mask = model.input("mask", visible, 24, 24);
        return sinks(model, Patterns.layer(model, 2, 24), false, scores -> model.node("Where", mask, scores,
                model.scalar(Float.NEGATIVE_INFINITY)));
    }

    /** The first queries see nothing, and the sink has all of their weight. */
    static String sinksLeftPadded(TestModel model) {
        String padding = Patterns.additive(model, Patterns.padding(model, 3, 24, true), -Float.MAX_VALUE);
        String mask = model.node("Max", model.node("Add", padding, Patterns.triangle(model, 24, 24,
                -Float.MAX_VALUE)), model.scalar(-Float.MAX_VALUE));
        return sinks(model, Patterns.layer(model, 3, 24), true, scores -> model.node("Add", scores, mask));
    }

    /**
     * A sink for each of the two heads beside the logits.
     *
     * @param last whether it comes after the keys, and the largest logit is taken off before the softmax
     */
    private static String sinks(TestModel model, Patterns.Layer layer, boolean last, Patterns.Masking masking) {
        String product = model.node("MatMul", layer.q(), model.transpose(layer.k(), 0, 1, 3, 2));
        String scores = masking.apply(model.node("Mul", product, model.scalar(0.3)));
        String one = model.constant(new float[] {0.7f, -0.4f}, 1, 2, 1, 1);
        String shape = model.node("Concat", List.of(model.node("Slice", model.node("Shape", layer.q()), model.ints(0),
                model.ints(3)), model.ints(1)), Map.of("axis", 0L));
        String column = model.node("Expand", one, shape);
        String all = model.node("Concat", last ? List.of(scores, column) : List.of(column, scores),
                Map.of("axis", last ? -1L : 3L));
        if (last) {
            all = model.node("Sub", all, model.node("ReduceMax", List.of(all), Map.of("axes", new long[] {-1})));
        }
        String weights = model.node("Slice", model.softmax(all, -1), model.ints(last ? 0 : 1),
                model.ints(last ? -1 : Long.MAX_VALUE), model.ints(last ? -1 : 3));
        return Patterns.merge(model, model.node("MatMul", model.node("Dropout", weights), layer.v()));
    }

    static String rotated(TestModel model, String value, String cosine, String sine) {
        List<String> halves = model.nodes("", "Split", List.of(value), 2, Map.of("axis", -1L));
        String turned = model.node("Concat", List.of(model.node("Neg", halves.get(1)), halves.get(0)),
                Map.of("axis", -1L));
        return model.node("Add", model.node("Mul", value, cosine), model.node("Mul", turned, sine));
    }

    static String convolution(TestModel model, String value, long in, long out) {
        return model.node("Conv", value, model.constant(model.normal((int) (in * out), 0.6), out, in, 1, 1));
    }

    static String pooled(TestModel model, String value) {
        return model.node("MaxPool", List.of(value), Map.of("kernel_shape", new long[] {2, 2}, "strides",
                new long[] {2, 2}));
    }
}
