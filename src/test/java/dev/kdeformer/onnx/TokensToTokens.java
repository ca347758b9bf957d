package dev.kdeformer.onnx;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The front of T2T-ViT: patches that overlap become tokens, which attend to each other with one head and become a
 * smaller picture, whose patches are tokens again. Keys, queries and values are narrower than the tokens, so that the
 * values and not the tokens go round the attention; weights are random.
 */
final class TokensToTokens {
    private static final int BATCH = 2;
    private static final int WIDTH = 16;

    private TokensToTokens() {
    }

    /** Two token transformers, on 64 and 16 tokens of a picture of 32 by 32. */
    static String build(TestModel model) {
        String tokens = patches(model, model.normalInput("x", BATCH, 3, 32, 32), 32, 7, 4, 2);
        tokens = transformer(model, tokens, 64, 3 * 49);
        String picture = model.reshape(model.transpose(tokens, 0, 2, 1), BATCH, WIDTH, 8, 8);
        return transformer(model, patches(model, picture, 8, 3, 2, 1), 16, WIDTH * 9);
    }

    /** Patches of size by size of a square picture, (batch, tokens, channels · size²), as exporters write Unfold. */
    private static String patches(TestModel model, String picture, int side, int size, int step, int padding) {
        int count = (side + 2 * padding - size) / step + 1;
        long[] places = new long[size * count];
        for (int i = 0; i < places.length; i++) {
            places[i] = i / count + (long) step * (i % count);
        }
        String padded = model.node("Pad", picture, model.ints(0, 0, padding, padding, 0, 0, padding, padding));
        String index = model.reshape(model.ints(places), size, count);
        String rows = model.node("Gather", List.of(padded, index), Map.of("axis", 2L));
        String both = model.node("Gather", List.of(rows, index), Map.of("axis", 4L));
        return model.reshape(model.transpose(both, 0, 3, 5, 1, 2, 4), BATCH, count * count, -1);
    }

    private static String transformer(TestModel model, String tokens, int count, int width) {
        String packed = model.transpose(model.reshape(model.dense(tokens, width, 3 * WIDTH), BATCH, count, 3, 1, WIDTH),
                2, 0, 3, 1, 4);
        List<String> parts = new ArrayList<>();
        for (long i = 0; i < 3; i++) {
            parts.add(model.node("Gather", packed, model.node("Squeeze", model.ints(i))));
        }
        String scores = model.node("MatMul", model.node("Mul", parts.get(0), model.scalar(1 / Math.sqrt(WIDTH))),
                model.transpose(parts.get(1), 0, 1, 3, 2));
        String output = model.node("MatMul", model.softmax(scores, -1), parts.get(2));
        String merged = model.reshape(model.transpose(output, 0, 2, 1, 3), BATCH, count, WIDTH);
        return model.node("Add", model.node("Squeeze", parts.get(2), model.ints(1)), model.dense(merged, WIDTH, WIDTH));
    }
}
