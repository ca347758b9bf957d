package dev.kdeformer.onnx;

import dev.kdeformer.onnx.graph.ElementKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Models of every form in which exporters write attention out, with random weights. */
enum Patterns {
    BERT("key lengths", 11) {
        @Override
        String build(TestModel model) {
            String mask = additive(model, padding(model, 3, 24, false), -Float.MAX_VALUE);
            return attention(model, layer(model, 3, 24), scores -> model.node("Add", model.node("Div", scores,
                    model.scalar(Math.sqrt(8))), mask), 3);
        }
    },
    LEFT_PADDING("key bias", 17) {
        @Override
        String build(TestModel model) {
            String mask = additive(model, padding(model, 3, 24, true), -10000);
            return attention(model, layer(model, 3, 24), scores -> model.node("Add", mask, model.node("Mul",
                    model.scalar(0.3), scores)), -1);
        }
    },
    NOTHING_VISIBLE("key lengths", 17) {
        @Override
        String build(TestModel model) {
            long[] mask = new long[2 * 24];
            Arrays.fill(mask, 0, 20, 1);
            String input = model.input("attention_mask", mask, 2, 24);
            return attention(model, layer(model, 2, 24), scores -> model.node("Add", scores,
                    additive(model, input, -Float.MAX_VALUE)), -1);
        }
    },
    SCALED_BEFORE("none", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 1, 40);
            String q = model.node("Mul", layer.q, model.scalar(0.25));
            String weights = model.softmax(model.node("MatMul", q, model.transpose(layer.k, 0, 1, 3, 2)), -1);
            return merge(model, model.node("MatMul", weights, layer.v));
        }
    },
    SCALED_ON_BOTH_SIDES_BY_A_COMPUTED_ROOT("none", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 21);
            String d = model.cast(model.node("Slice", model.node("Shape", layer.q), model.ints(-1),
                    model.ints(Long.MAX_VALUE)), ElementKind.FLOAT);
            String root = model.node("Sqrt", model.node("Div", model.scalar(1), model.node("Sqrt", d)));
            String q = model.node("Mul", layer.q, root);
            String k = model.node("Mul", model.transpose(layer.k, 0, 1, 3, 2), root);
            return merge(model, model.node("MatMul", model.softmax(model.node("MatMul", q, k), -1), layer.v));
        }
    },
    T5("dense bias", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 24);
            String bias = model.constant(model.normal(2 * 24 * 24, 1), 1, 2, 24, 24);
            return attention(model, layer, scores -> model.node("Add", scores, bias), -1);
        }
    },
    WHERE_KEEPS("key bias", 17) {
        @Override
        String build(TestModel model) {
            boolean[] visible = new boolean[2 * 24];
            for (int i = 0; i < visible.length; i++) {
                visible[i] = i % 3 != 1;
            }
            String mask = model.input("mask", visible, 2, 1, 1, 24);
            return attention(model, layer(model, 2, 24), scores -> model.node("Where", mask, scores,
                    model.scalar(Float.NEGATIVE_INFINITY)), -1);
        }
    },
    WHERE_DROPS_AND_GUARDS("key bias", 17) {
        @Override
        String build(TestModel model) {
            boolean[] hidden = new boolean[2 * 24];
            for (int i = 0; i < 24; i++) {
                hidden[i] = i % 5 == 0;
                hidden[24 + i] = true;
            }
            String mask = model.input("mask", hidden, 2, 1, 1, 24);
            Layer layer = layer(model, 2, 24);
            String scores = model.node("MatMul", layer.q, model.transpose(layer.k, 0, 1, 3, 2));
            String weights = model.softmax(model.node("Where", mask, model.scalar(Float.NEGATIVE_INFINITY), scores),
                    -1);
            String guarded = model.node("Where", model.node("IsNaN", weights), model.scalar(0), weights);
            return merge(model, model.node("MatMul", guarded, layer.v));
        }
    },
    CASTS_AND_DROPOUT("none", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 19);
            String scores = model.node("MatMul", layer.q, model.transpose(layer.k, 0, 1, 3, 2));
            String weights = model.cast(model.softmax(model.cast(scores, ElementKind.DOUBLE), 3), ElementKind.FLOAT);
            return merge(model, model.node("MatMul", model.node("Dropout", model.node("Identity", weights)),
                    model.node("Identity", layer.v)));
        }
    },
    BART_RESHAPES_AROUND_THE_MASK("key lengths", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 3, 24);
            String mask = additive(model, padding(model, 3, 24, false), -Float.MAX_VALUE);
            String q = model.reshape(model.node("Mul", layer.q, model.scalar(0.35)), 6, 24, 8);
            String k = model.transpose(model.reshape(layer.k, 6, 24, 8), 0, 2, 1);
            String scores = model.node("Add", model.reshape(model.node("MatMul", q, k), 3, 2, 24, 24), mask);
            String weights = model.softmax(model.reshape(scores, 6, 24, 24), -1);
            String output = model.reshape(model.node("MatMul", weights, model.reshape(layer.v, 6, 24, 8)), 3, 2, 24, 8);
            return merge(model, output);
        }
    },
    PACKED_BY_SPLIT("none", 13) {
        @Override
        String build(TestModel model) {
            String packed = model.dense(model.normalInput("x", 2, 20, 16), 16, 48);
            List<String> parts = model.nodes("", "Split", List.of(packed, model.ints(16, 16, 16)), 3,
                    Map.of("axis", -1L));
            return attention(model, new Layer(heads(model, parts.get(0), 20), heads(model, parts.get(1), 20),
                    heads(model, parts.get(2), 20)), scores -> scores, -1);
        }
    },
    PACKED_BY_GATHER("none", 17) {
        @Override
        String build(TestModel model) {
            String packed = model.transpose(model.reshape(model.dense(model.normalInput("x", 2, 20, 16), 16, 48), 2,
                    20, 3, 2,
                    8), 2, 0, 3, 1, 4);
            List<String> parts = new ArrayList<>();
            for (long i = 0; i < 3; i++) {
                parts.add(model.node("Gather", packed, model.node("Squeeze", model.ints(i))));
            }
            return attention(model, new Layer(parts.get(0), parts.get(1), parts.get(2)), scores -> scores, -1);
        }
    },
    REPEATED_KEY_HEADS("none", 17) {
        @Override
        String build(TestModel model) {
            String x = model.normalInput("x", 2, 20, 16);
            String q = model.transpose(model.reshape(model.dense(x, 16, 32), 2, 20, 4, 8), 0, 2, 1, 3);
            String[] kv = new String[2];
            for (int i = 0; i < 2; i++) {
                String one = model.transpose(model.reshape(model.dense(x, 16, 16), 2, 20, 2, 8), 0, 2, 1, 3);
                String five = model.node("Expand", model.node("Unsqueeze", one, model.ints(2)),
                        model.ints(2, 2, 2, 20, 8));
                kv[i] = model.reshape(five, 2, 4, 20, 8);
            }
            String weights = model.softmax(model.node("MatMul", q, model.transpose(kv[0], 0, 1, 3, 2)), -1);
            return model.reshape(model.transpose(model.node("MatMul", weights, kv[1]), 0, 2, 1, 3), 2, 20, 32);
        }
    },
    ROTARY_OUTSIDE("causal", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 24);
            String cosine = model.constant(model.normal(24 * 8, 1), 1, 1, 24, 8);
            String sine = model.constant(model.normal(24 * 8, 1), 1, 1, 24, 8);
            Layer rotated = new Layer(PatternParts.rotated(model, layer.q, cosine, sine), PatternParts.rotated(model,
                    layer.k, cosine, sine), layer.v);
            return attention(model, rotated, scores -> model.node("Add", scores, triangle(model, 24, 24,
                    -Float.MAX_VALUE)), -1);
        }
    },
    FUSED_MATMUL("none", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 24);
            String scores = model.nodes("com.microsoft", "FusedMatMul", List.of(layer.q, layer.k), 1,
                    Map.of("alpha", 0.3f, "transB", 1L)).get(0);
            return merge(model, model.node("MatMul", model.softmax(scores, -1), layer.v));
        }
    },
    WEIGHTS_ON_THE_RIGHT("none", 17) {
        /** The self-attention of BigGAN: channels first, keys pooled, no scale. */
        @Override
        String build(TestModel model) {
            String x = model.normalInput("x", 2, 6, 8, 8);
            String theta = model.reshape(PatternParts.convolution(model, x, 6, 4), 2, 4, 64);
            String phi = model.reshape(PatternParts.pooled(model, PatternParts.convolution(model, x, 6, 4)), 2, 4, 16);
            String g = model.reshape(PatternParts.pooled(model, PatternParts.convolution(model, x, 6, 5)), 2, 5, 16);
            String beta = model.softmax(model.node("MatMul", model.transpose(theta, 0, 2, 1), phi), -1);
            String output = model.node("MatMul", g, model.transpose(beta, 0, 2, 1));
            return model.node("Add", x, PatternParts.convolution(model, model.reshape(output, 2, 5, 8, 8), 5, 6));
        }
    },
    TOKENS_TO_TOKENS("none", 17) {
        @Override
        String build(TestModel model) {
            return TokensToTokens.build(model);
        }
    },
    SOFTMAX_OVER_ROWS("none", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 24);
            String weights = model.softmax(model.node("MatMul", layer.k, model.transpose(layer.q, 0, 1, 3, 2)), -2);
            return model.node("MatMul", model.transpose(layer.v, 0, 1, 3, 2), weights);
        }
    },
    CAUSAL_LEFT_PADDED("causal, key bias", 17) {
        @Override
        String build(TestModel model) {
            String padding = additive(model, padding(model, 3, 24, true), -Float.MAX_VALUE);
            return attention(model, layer(model, 3, 24), scores -> model.node("Add", model.node("Add", scores, triangle(
                    model, 24, 24, Float.NEGATIVE_INFINITY)), padding), -1);
        }
    },
    CAUSAL_RIGHT_PADDED("causal, key lengths", 17) {
        @Override
        String build(TestModel model) {
            String padding = additive(model, padding(model, 3, 24, false), Float.NEGATIVE_INFINITY);
            return attention(model, layer(model, 3, 24), scores -> model.node("Add", scores, model.node("Add", padding,
                    triangle(model, 24, 24, Float.NEGATIVE_INFINITY))), -1);
        }
    },
    SLIDING_WINDOW("causal window 5", 17) {
        @Override
        String build(TestModel model) {
            boolean[] visible = new boolean[24 * 24];
            for (int i = 0; i < 24; i++) {
                for (int j = Math.max(0, i - 4); j <= i; j++) {
                    visible[i * 24 + j] = true;
                }
            }
            String mask = model.input("mask", visible, 24, 24);
            return attention(model, layer(model, 2, 24), scores -> model.node("Where", mask, scores, model.scalar(
                    -1e9)), -1);
        }
    },
    PACKED_DOCUMENTS("key ranges", 17) {
        @Override
        String build(TestModel model) {
            boolean[] visible = new boolean[24 * 24];
            for (int i = 0; i < visible.length; i++) {
                visible[i] = document(i / 24, 7, 17) == document(i % 24, 7, 17) && i / 24 != 20;
            }
            return masked(model, 2, visible, 24, 24);
        }
    },
    DOCUMENTS_OF_EACH_ITEM("dense mask", 17) {
        @Override
        String build(TestModel model) {
            boolean[] visible = new boolean[2 * 24 * 24];
            for (int i = 0; i < visible.length; i++) {
                int start = 5 + i / 576 * 6;
                visible[i] = document(i / 24 % 24, start, 18) == document(i % 24, start, 18);
            }
            return masked(model, 2, visible, 2, 1, 24, 24);
        }
    },
    WINDOW_ON_BOTH_SIDES("window 3,2, key lengths", 17) {
        @Override
        String build(TestModel model) {
            boolean[] visible = new boolean[3 * 24 * 24];
            for (int i = 0; i < visible.length; i++) {
                int distance = i % 24 - i / 24 % 24;
                visible[i] = distance >= -3 && distance <= 2 && i % 24 < 24 - 5 * (i / 576);
            }
            return masked(model, 3, visible, 3, 1, 24, 24);
        }
    },
    GLOBAL_KEYS("dense mask", 17) {
        @Override
        String build(TestModel model) {
            boolean[] visible = new boolean[24 * 24];
            for (int i = 0; i < visible.length; i++) {
                visible[i] = i % 24 == 2 || Math.abs(i % 24 - i / 24) < 4;
            }
            return masked(model, 2, visible, 24, 24);
        }
    },
    ALIBI_ON_BOTH_SIDES("distance bias, key lengths", 17) {
        @Override
        String build(TestModel model) {
            String padding = additive(model, padding(model, 3, 24, false), -Float.MAX_VALUE);
            String bias = byDistance(model, new float[] {-0.25f, -0.0625f}, false);
            return attention(model, layer(model, 3, 24), scores -> model.node("Add", scores, model.node("Add", bias,
                    padding)), -1);
        }
    },
    BUCKETS_CAUSAL_LEFT_PADDED("causal, distance bias, key bias", 17) {
        @Override
        String build(TestModel model) {
            String padding = additive(model, padding(model, 3, 24, true), -Float.MAX_VALUE);
            String bias = byDistance(model, new float[] {1, -0.7f}, true);
            return attention(model, layer(model, 3, 24), scores -> model.node("Add", model.node("Add", model.node("Add",
                    scores, bias), triangle(model, 24, 24, Float.NEGATIVE_INFINITY)), padding), -1);
        }
    },
    DENSE_BIAS_CAUSAL("causal, dense bias", 17) {
        @Override
        String build(TestModel model) {
            String bias = model.constant(model.normal(2 * 24 * 24, 1), 2, 24, 24);
            return attention(model, layer(model, 2, 24), scores -> model.node("Add", model.node("Add", scores, bias),
                    triangle(model, 24, 24, -10000)), -1);
        }
    },
    CAPPED_CAUSAL("causal", 17) {
        /** As Gemma 2 writes it: capped before the mask. */
        @Override
        String build(TestModel model) {
            return attention(model, layer(model, 2, 24), scores -> model.node("Add", model.node("Mul", model.node(
                    "Tanh", model.node("Div", scores, model.scalar(1.5))), model.scalar(1.5)), triangle(model, 24, 24,
                    -Float.MAX_VALUE)), -1);
        }
    },
    SINKS("causal", 17) {
        @Override
        String build(TestModel model) {
            return PatternParts.sinks(model);
        }
    },
    SINKS_BEFORE_KEYS_IN_A_WINDOW("causal window 5", 18) {
        @Override
        String build(TestModel model) {
            return PatternParts.sinksInAWindow(model);
        }
    },
    SINKS_LEFT_PADDED("causal, key bias", 17) {
        @Override
        String build(TestModel model) {
            return PatternParts.sinksLeftPadded(model);
        }
    },
    HALF_PRECISION("none", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 2, 24);
            Layer half = new Layer(model.cast(layer.q, ElementKind.FLOAT16), model.cast(layer.k, ElementKind.FLOAT16),
                    model.cast(layer.v, ElementKind.FLOAT16));
            return model.cast(attention(model, half, scores -> scores, -1), ElementKind.FLOAT);
        }

        @Override
        double tolerance() {
            return 2e-3; // of float16, in which ONNX Runtime computes the logits
        }
    },
    CROSS_ATTENTION("none", 17) {
        @Override
        String build(TestModel model) {
            String encoder = model.node("Relu", model.dense(model.normalInput("encoder", 2, 33, 16), 16, 16));
            String x = model.normalInput("x", 2, 7, 16);
            for (int i = 0; i < 3; i++) {
                String output = attention(model, new Layer(heads(model, model.dense(x, 16, 16), 7), heads(model,
                        model.dense(encoder, 16, 16), 33), heads(model, model.dense(encoder, 16, 16), 33)),
                        scores -> scores, -1);
                x = model.node("Add", x, model.dense(model.reshape(output, 2, 7, 16), 16, 16));
            }
            return x;
        }
    },
    SWIN_MASK_OF_FIVE_DIMENSIONS("dense bias", 17) {
        @Override
        String build(TestModel model) {
            Layer layer = layer(model, 6, 16);
            float[] values = new float[3 * 16 * 16];
            for (int i = 0; i < values.length; i++) {
                values[i] = model.random().nextInt(3) == 0 ? -100 : 0;
            }
            String mask = model.constant(values, 1, 3, 1, 16, 16);
            return attention(model, layer, scores -> model.reshape(model.node("Add", model.reshape(scores, 2, 3, 2, 16,
                    16), mask), 6, 2, 16, 16), -1);
        }
    },
    TWO_DIMENSIONS("none", 17) {
        @Override
        String build(TestModel model) {
            String q = model.normalInput("q", 9, 8);
            String k = model.normalInput("k", 17, 8);
            return model.node("MatMul", model.softmax(model.node("MatMul", q, model.transpose(k, 1, 0)), 1),
                    model.normalInput("v", 17, 5));
        }
    },
    TWO_LAYERS_ONE_MASK("key lengths", 17) {
        @Override
        String build(TestModel model) {
            String mask = additive(model, padding(model, 3, 24, false), -Float.MAX_VALUE);
            String x = model.normalInput("x", 3, 24, 16);
            for (int i = 0; i < 2; i++) {
                String own = x;
                Layer layer = new Layer(heads(model, model.dense(own, 16, 16), 24), heads(model, model.dense(own, 16,
                        16), 24), heads(model, model.dense(own, 16, 16), 24));
                x = model.node("Add", x, model.dense(model.reshape(attention(model, layer, scores -> model.node("Add",
                        scores, mask), -1), 3, 24, 16), 16, 16));
            }
            return x;
        }
    };

    /** Queries, keys and values, (batch, heads, rows, 8). */
    record Layer(String q, String k, String v) {
    }

    /** What is done to logits before the softmax. */
    interface Masking {
        String apply(String scores);
    }

    private final String mask;
    private final int opset;

    Patterns(String mask, int opset) {
        this.mask = mask;
        this.opset = opset;
    }

    /** What the masks come to. */
    String mask() {
        return mask;
    }

    /** The model with one output. */
    TestModel model(long seed) {
        TestModel model = new TestModel(opset, seed);
        return model.output(build(model));
    }

    abstract String build(TestModel model);

    /** The largest relative Frobenius error that rounding explains. */
    double tolerance() {
        return 3e-6;
    }

    static Layer layer(TestModel model, int batch, int n) {
        String x = model.normalInput("x", batch, n, 16);
        return new Layer(heads(model, model.dense(x, 16, 16), n), heads(model, model.dense(x, 16, 16), n), heads(model,
                model.dense(x, 16, 16), n));
    }

    /** Two heads of eight columns. */
    static String heads(TestModel model, String value, int rows) {
        return model.transpose(model.reshape(value, -1, rows, 2, 8), 0, 2, 1, 3);
    }

    static String attention(TestModel model, Layer layer, Masking masking, long axis) {
        String scores = model.node("MatMul", layer.q, model.transpose(layer.k, 0, 1, 3, 2));
        return merge(model, model.node("MatMul", model.softmax(masking.apply(scores), axis), layer.v));
    }

    static String merge(TestModel model, String output) {
        return model.transpose(output, 0, 2, 1, 3);
    }

    static String padding(TestModel model, int batch, int n, boolean left) {
        long[] mask = new long[batch * n];
        for (int b = 0; b < batch; b++) {
            int length = n - 5 * b;
            int first = left ? n - length : 0;
            Arrays.fill(mask, b * n + first, b * n + first + length, 1);
        }
        return model.input("attention_mask", mask, batch, n);
    }

    /** (1 − mask) · fill as (batch, 1, 1, n). */
    static String additive(TestModel model, String mask, double fill) {
        String four = model.reshape(model.cast(mask, ElementKind.FLOAT), 0, 1, 1, -1);
        if (Double.isInfinite(fill)) {
            return model.node("Where", model.cast(four, ElementKind.BOOL), model.scalar(0), model.scalar(fill));
        }
        return model.node("Mul", model.node("Sub", model.scalar(1), four), model.scalar(fill));
    }

    static String triangle(TestModel model, int n, int m, float fill) {
        float[] values = new float[n * m];
        for (int i = 0; i < n; i++) {
            Arrays.fill(values, i * m + Math.min(m, i + m - n + 1), (i + 1) * m, fill);
        }
        return model.constant(values, 1, 1, n, m);
    }

    /** What a mask shows, by Where; the rest gets −10⁹. */
    private static String masked(TestModel model, int batch, boolean[] visible, long... sizes) {
        String mask = model.input("mask", visible, sizes);
        return attention(model, layer(model, batch, 24), scores -> model.node("Where", mask, scores, model.scalar(
                -1e9)), -1);
    }

    /** Which of three documents a place belongs to. */
    private static int document(int place, int second, int third) {
        return place < second ? 0 : place < third ? 1 : 2;
    }

    /** A factor for each head times the distance, or its logarithm in whole numbers; (1, 2, 24, 24). */
    private static String byDistance(TestModel model, float[] factors, boolean buckets) {
        float[] bias = new float[2 * 24 * 24];
        for (int i = 0; i < bias.length; i++) {
            int distance = Math.abs(i % 24 - i / 24 % 24);
            bias[i] = factors[i / 576] * (buckets ? 32 - Integer.numberOfLeadingZeros(distance) : distance);
        }
        return model.constant(bias, 1, 2, 24, 24);
    }
}
