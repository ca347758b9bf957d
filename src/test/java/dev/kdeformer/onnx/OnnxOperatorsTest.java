package dev.kdeformer.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionMethod;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The operators that are attention themselves, against ONNX Runtime's own. */
class OnnxOperatorsTest {
    private static final String CONTRIB = "com.microsoft";

    @TempDir
    private Path folder;

    /** A model and what is expected of it: what its masks come to, or null if ONNX Runtime computes it. */
    private record Case(String name, int opset, String mask, Consumer<TestModel> build) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static void add(List<Case> cases, String name, int opset, String mask, Consumer<TestModel> build) {
        cases.add(new Case(name, opset, mask, build));
    }

    private static TestModel outputs(TestModel model, List<String> outputs) {
        outputs.forEach(model::output);
        return model;
    }

    /** Adds an operator whose outputs are all outputs of the model. */
    private static void operator(TestModel model, String domain, String name, int outputs, Map<String, Object> given,
            String... inputs) {
        outputs(model, model.nodes(domain, name, List.of(inputs), outputs, given));
    }

    private static String[] qkv(TestModel model, long[] q, long[] kv) {
        return new String[] {model.normalInput("q", q), model.normalInput("k", kv), model.normalInput("v", kv)};
    }

    private static boolean[] holes(int count) {
        boolean[] visible = new boolean[count];
        for (int i = 0; i < count; i++) {
            visible[i] = i % 3 != 1;
        }
        return visible;
    }

    private static List<Case> standard() {
        List<Case> cases = new ArrayList<>();
        for (int opset : new int[] {23, 24, 25}) {
            String version = "Attention " + opset + " ";
            add(cases, version + "4D", opset, "none", m -> {
                String[] x = qkv(m, new long[] {2, 4, 9, 8}, new long[] {2, 2, 17, 8});
                operator(m, "", "Attention", 1, Map.of("scale", 0.2f), x);
            });
            add(cases, version + "3D", opset, "none", m -> {
                String[] x = qkv(m, new long[] {2, 9, 32}, new long[] {2, 17, 16});
                operator(m, "", "Attention", 1, Map.of("q_num_heads", 4L, "kv_num_heads", 2L), x);
            });
            add(cases, version + "causal", opset, "causal", m -> {
                String[] x = qkv(m, new long[] {2, 2, 20, 8}, new long[] {2, 2, 20, 8});
                operator(m, "", "Attention", 1, Map.of("is_causal", 1L), x);
            });
            add(cases, version + "truth mask", opset, "key bias", m -> {
                String[] x = qkv(m, new long[] {2, 2, 9, 8}, new long[] {2, 2, 12, 8});
                operator(m, "", "Attention", 1, Map.of(), x[0], x[1], x[2], m.input("mask", holes(9 * 12), 9, 12));
            });
            add(cases, version + "summand", opset, "key lengths", m -> {
                String[] x = qkv(m, new long[] {2, 2, 9, 8}, new long[] {2, 2, 12, 8});
                float[] mask = new float[9 * 12];
                for (int i = 0; i < mask.length; i++) {
                    mask[i] = i % 12 < 7 ? 0 : Float.NEGATIVE_INFINITY;
                }
                operator(m, "", "Attention", 1, Map.of(), x[0], x[1], x[2], m.input("mask", mask, 9, 12));
            });
            add(cases, version + "weights of keys by head", opset, "key bias", m -> {
                String[] x = qkv(m, new long[] {1, 4, 9, 8}, new long[] {1, 2, 12, 8});
                float[] mask = new float[4 * 9 * 12];
                for (int i = 0; i < mask.length; i++) {
                    mask[i] = i / 108 * 0.5f - i % 12 * 0.25f * (i / 108);
                }
                operator(m, "", "Attention", 1, Map.of(), x[0], x[1], x[2], m.input("mask", mask, 1, 4, 9, 12));
            });
            add(cases, version + "bias for each pair", opset, "causal, dense bias", m -> {
                String[] x = qkv(m, new long[] {2, 4, 9, 8}, new long[] {2, 2, 9, 8});
                operator(m, "", "Attention", 1, Map.of("is_causal", 1L), x[0], x[1], x[2],
                        m.normalInput("mask", 2, 4, 9, 9));
            });
            add(cases, version + "softcap, causal, bias", opset, "causal, dense bias", m -> {
                String[] x = qkv(m, new long[] {2, 2, 9, 8}, new long[] {2, 2, 9, 8});
                operator(m, "", "Attention", 1, Map.of("is_causal", 1L, "softcap", 0.5f), x[0], x[1], x[2],
                        m.normalInput("mask", 9, 9));
            });
            add(cases, version + "past", opset, "causal", m -> {
                String[] x = qkv(m, new long[] {2, 2, 5, 8}, new long[] {2, 2, 5, 8});
                operator(m, "", "Attention", 3, Map.of("is_causal", 1L), x[0], x[1], x[2], "",
                        m.normalInput("past_k", 2, 2, 7, 8), m.normalInput("past_v", 2, 2, 7, 8));
            });
            add(cases, version + "softcap", opset, "none", m -> {
                String[] x = qkv(m, new long[] {1, 2, 9, 8}, new long[] {1, 2, 12, 8});
                operator(m, "", "Attention", 1, Map.of("softcap", 2f), x);
            });
        }
        add(cases, "Attention 24 lengths", 24, "key lengths", m -> {
            String[] x = qkv(m, new long[] {2, 2, 9, 8}, new long[] {2, 2, 12, 8});
            operator(m, "", "Attention", 1, Map.of(), x[0], x[1], x[2], "", "", "", m.input("lengths",
                    new long[] {12, 5}, 2));
        });
        return cases;
    }

    private static List<Case> contrib() {
        List<Case> cases = new ArrayList<>();
        Map<String, Object> two = Map.of("num_heads", 2L);
        add(cases, "MultiHeadAttention", 17, "none", m -> operator(m, CONTRIB, "MultiHeadAttention", 1, two,
                qkv(m, new long[] {2, 9, 16}, new long[] {2, 12, 16})));
        add(cases, "MultiHeadAttention with bias", 17, "none", m -> {
            String[] x = qkv(m, new long[] {2, 9, 16}, new long[] {2, 12, 16});
            operator(m, CONTRIB, "MultiHeadAttention", 1, two, x[0], x[1], x[2], m.weight(48));
        });
        add(cases, "MultiHeadAttention with keys by head", 17, "none", m -> {
            String[] x = qkv(m, new long[] {2, 9, 16}, new long[] {2, 2, 12, 8});
            operator(m, CONTRIB, "MultiHeadAttention", 1, two, x);
        });
        add(cases, "MultiHeadAttention padded", 17, "key bias", m -> {
            String[] x = qkv(m, new long[] {2, 9, 16}, new long[] {2, 12, 16});
            int[] mask = new int[24];
            for (int i = 0; i < 24; i++) {
                mask[i] = i % 5 == 2 ? 0 : 1;
            }
            operator(m, CONTRIB, "MultiHeadAttention", 1, two, x[0], x[1], x[2], "", m.input("mask", mask, 2, 12));
        });
        add(cases, "MultiHeadAttention with lengths", 17, "key lengths", m -> {
            String[] x = qkv(m, new long[] {2, 9, 16}, new long[] {2, 12, 16});
            operator(m, CONTRIB, "MultiHeadAttention", 1, two, x[0], x[1], x[2], "", m.input("mask",
                    new int[] {12, 7}, 2));
        });
        add(cases, "MultiHeadAttention causal", 17, "causal", m -> operator(m, CONTRIB, "MultiHeadAttention", 1,
                Map.of("num_heads", 2L, "unidirectional", 1L), qkv(m, new long[] {2, 12, 16}, new long[] {2, 12, 16})));
        add(cases, "MultiHeadAttention past", 17, "none", m -> {
            String[] x = qkv(m, new long[] {2, 5, 16}, new long[] {2, 5, 16});
            operator(m, CONTRIB, "MultiHeadAttention", 3, two, x[0], x[1], x[2], "", "", "",
                    m.normalInput("past_k", 2, 2, 7, 8), m.normalInput("past_v", 2, 2, 7, 8));
        });
        add(cases, "MultiHeadAttention with a bias for each pair", 17, "dense bias", m -> {
            String[] x = qkv(m, new long[] {2, 9, 16}, new long[] {2, 12, 16});
            operator(m, CONTRIB, "MultiHeadAttention", 1, two, x[0], x[1], x[2], "", "",
                    m.normalInput("pairs", 1, 2, 9, 12));
        });
        add(cases, "Attention with projections", 17, "none", m -> operator(m, CONTRIB, "Attention", 1, two,
                m.normalInput("x", 2, 12, 16), m.weight(16, 48), m.weight(48)));
        add(cases, "Attention with projections of three sizes", 17, "none", m -> operator(m, CONTRIB, "Attention", 1,
                Map.of("num_heads", 2L, "qkv_hidden_sizes", new long[] {16, 16, 24}), m.normalInput("x", 2, 12, 16),
                m.weight(16, 56), m.weight(56)));
        add(cases, "Attention with projections, padded and causal", 17, "causal, key lengths", m -> {
            int[] mask = new int[24];
            Arrays.fill(mask, 1);
            Arrays.fill(mask, 20, 24, 0);
            Arrays.fill(mask, 10, 12, 0);
            operator(m, CONTRIB, "Attention", 1, Map.of("num_heads", 2L, "unidirectional", 1L), m.normalInput("x", 2,
                    12, 16), m.weight(16, 48), m.weight(48), m.input("mask", mask, 2, 12));
        });
        return cases;
    }

    /** ONNX Runtime has these on other processors only. */
    @Test
    void packedFormsGiveWhatTheUnpackedOneGives() throws IOException, OrtException {
        Path[] files = new Path[3];
        Map<String, TestModel.Feed> feeds = null;
        for (int form = 0; form < 3; form++) {
            TestModel m = new TestModel(17, 5);
            String[] x = qkv(m, new long[] {2, 9, 16}, new long[] {2, 9, 16});
            String[] five = new String[3];
            for (int i = 0; i < 3; i++) {
                five[i] = m.reshape(x[i], 2, 9, 2, 1, 8);
            }
            Map<String, Object> axis = Map.of("axis", 3L);
            String[] inputs = form == 0 ? x : form == 1 ? new String[] {m.node("Concat", List.of(five), axis)}
                    : new String[] {x[0], m.node("Concat", List.of(five[1], five[2]), axis)};
            m.output(m.nodes(CONTRIB, "MultiHeadAttention", List.of(inputs), 1, Map.of("num_heads", 2L)).get(0));
            files[form] = m.write(folder.resolve("model" + form + ".onnx"));
            feeds = m.feeds();
        }
        float[][] outputs = new float[3][];
        try (Feeds fed = new Feeds(feeds)) {
            for (int form = 0; form < 3; form++) {
                try (OnnxTransformer transformer = OnnxTransformer.open(files[form]);
                        OnnxOutputs made = transformer.run(fed.tensors(), attention -> Attention.exact().build(),
                                null)) {
                    FloatBuffer values = ((OnnxTensor) made.values().values().iterator().next()).getFloatBuffer();
                    outputs[form] = new float[values.remaining()];
                    values.get(outputs[form]);
                }
            }
        }
        assertArrayEquals(outputs[0], outputs[1]);
        assertArrayEquals(outputs[0], outputs[2]);
    }

    /** Windows of version 25, which ONNX Runtime 1.29 does not know, against the same attention with a mask. */
    @ParameterizedTest
    @CsvSource({"3, 2, false, 0", "3, -1, false, 0", "-1, 4, false, 0", "0, 0, false, 0", "4, -1, true, 0",
        "3, 5, true, 7", "2, 1, false, 7"})
    void windowsOfVersion25(int left, int right, boolean causal, int past) throws IOException, OrtException {
        int n = 20;
        int m = n + past;
        Path[] files = new Path[2];
        Map<String, TestModel.Feed> feeds = null;
        for (int form = 0; form < 2; form++) {
            TestModel model = new TestModel(25, 5);
            String[] x = qkv(model, new long[] {2, 4, n, 8}, new long[] {2, 2, n, 8});
            String[] before = {past == 0 ? "" : model.normalInput("past_k", 2, 2, past, 8),
                past == 0 ? "" : model.normalInput("past_v", 2, 2, past, 8)};
            boolean[] visible = new boolean[n * m];
            for (int i = 0; i < visible.length; i++) {
                int distance = i % m - i / m - past;
                visible[i] = (left < 0 || distance >= -left) && (right < 0 || distance <= right)
                        && (!causal || distance <= 0);
            }
            Map<String, Object> windows = Map.of("left_window_size", (long) left, "right_window_size", (long) right,
                    "is_causal", causal ? 1L : 0L);
            String mask = form == 0 ? "" : model.input("mask", visible, n, m);
            List<String> made = model.nodes("", "Attention", List.of(x[0], x[1], x[2], mask, before[0], before[1]),
                    past == 0 ? 1 : 3, form == 0 ? windows : Map.of());
            files[form] = outputs(model, made).write(folder.resolve("window" + form + ".onnx"));
            feeds = model.feeds();
        }
        try (OnnxTransformer ours = OnnxTransformer.open(files[0]); OnnxTransformer theirs = OnnxTransformer.open(
                files[1]); Feeds fed = new Feeds(feeds); OnnxOutputs expected = theirs.runUncut(fed.tensors())) {
            Map<String, OnnxTensorLike> unmasked = new LinkedHashMap<>(fed.tensors());
            unmasked.remove("mask");
            for (int repeat = 0; repeat < 2; repeat++) { // uncut from the second time on, if that were possible
                try (OnnxOutputs made = ours.run(unmasked)) {
                    double difference = Feeds.difference(made, expected);
                    assertTrue(difference <= 3e-6, () -> String.valueOf(difference));
                }
            }
            OnnxAttention attention = ours.attentions().get(0);
            assertEquals(OnnxAttention.Place.HERE, attention.runs());
            assertTrue(attention.mask().contains("window"), attention.mask());
        }
    }

    private static List<Case> grouped() {
        List<Case> cases = new ArrayList<>();
        for (boolean rotary : new boolean[] {false, true}) {
            for (boolean packed : new boolean[] {false, true}) {
                for (int past : new int[] {0, 6}) {
                    for (long window : new long[] {-1, 4}) {
                        Map<String, Object> given = new LinkedHashMap<>(Map.of("num_heads", 4L, "kv_num_heads", 2L,
                                "local_window_size", window, "do_rotary", rotary ? 1L : 0L));
                        String name = "GroupQueryAttention" + (rotary ? ", rotary" : "") + (packed ? ", packed" : "")
                                + (past > 0 ? ", past" : "") + (window > 0 ? ", window" : "");
                        int n = 8;
                        add(cases, name, 17, window > 0 ? "causal window 4" : "causal", m -> {
                            String[] x = packed ? new String[] {m.normalInput("qkv", 1, n, 128), "", ""}
                                    : qkv(m, new long[] {1, n, 64}, new long[] {1, n, 32});
                            String pastKey = m.normalInput("past_k", 1, 2, past, 16);
                            String pastValue = m.normalInput("past_v", 1, 2, past, 16);
                            String lengths = m.input("lengths", new int[] {past + n - 1}, 1);
                            String total = m.input("total", new int[] {past + n}, 1);
                            String[] tables = rotary ? new String[] {m.weight(64, 8), m.weight(64, 8)}
                                    : new String[0];
                            List<String> inputs = new ArrayList<>(List.of(x));
                            inputs.addAll(List.of(pastKey, pastValue, lengths, total));
                            inputs.addAll(List.of(tables));
                            operator(m, CONTRIB, "GroupQueryAttention", 3, given, inputs.toArray(String[]::new));
                        });
                    }
                }
            }
        }
        for (String kind : List.of("cap", "sinks", "smooth", "sinks and bias")) {
            Map<String, Object> given = new LinkedHashMap<>(Map.of("num_heads", 4L, "kv_num_heads", 2L));
            given.put("softcap", kind.equals("cap") ? 0.5f : 0f);
            given.put("smooth_softmax", kind.equals("smooth") ? 1L : 0L);
            given.put("local_window_size", 5L);
            add(cases, "GroupQueryAttention, " + kind, 17, kind.contains("bias") ? null : "causal window 5", m -> {
                String[] x = qkv(m, new long[] {1, 8, 64}, new long[] {1, 8, 32});
                operator(m, CONTRIB, "GroupQueryAttention", 3, given, x[0], x[1], x[2], m.normalInput("past_k", 1, 2, 3,
                        16), m.normalInput("past_v", 1, 2, 3, 16), m.input("lengths", new int[] {10}, 1),
                        m.input("total", new int[] {11}, 1), "", "", "",
                        kind.contains("bias") ? m.normalInput("bias", 1, 4, 8, 11) : "",
                        kind.contains("sinks") ? m.weight(4) : "");
            });
        }
        return cases;
    }

    private static Stream<Case> all() {
        return Stream.of(standard(), contrib(), grouped()).flatMap(List::stream);
    }

    @ParameterizedTest
    @MethodSource("all")
    void agreeWithOnnxRuntime(Case test) throws IOException, OrtException {
        TestModel model = new TestModel(test.opset, 11);
        test.build.accept(model);
        Path file = model.write(folder.resolve("model.onnx"));
        try (OnnxTransformer transformer = OnnxTransformer.open(file, OnnxOptions.defaults().withThreads(1)
                .withShortestSequence(0)); Feeds feeds = new Feeds(model.feeds())) {
            try (OnnxOutputs cut = transformer.run(feeds.tensors());
                    OnnxOutputs uncut = transformer.runUncut(feeds.tensors())) {
                OnnxAttention attention = transformer.attentions().get(0);
                assertEquals(test.mask == null ? OnnxAttention.Place.ALONE : OnnxAttention.Place.HERE,
                        attention.runs(), attention.toString());
                if (test.mask != null) {
                    assertEquals(test.mask, attention.mask());
                }
                double difference = Feeds.difference(cut, uncut);
                assertTrue(difference <= 3e-6, () -> test + ": " + difference);
            }
        }
    }

    @Test
    void inputsOfAttentionAloneAreInputs() throws IOException, OrtException {
        TestModel model = new TestModel(23, 1);
        operator(model, "", "Attention", 1, Map.of(), qkv(model, new long[] {1, 2, 9, 8}, new long[] {1, 2, 9, 8}));
        try (OnnxTransformer transformer = OnnxTransformer.open(model.write(folder.resolve("layer.onnx")))) {
            assertEquals(List.of("k", "q", "v"), transformer.inputs().keySet().stream().sorted().toList());
        }
    }

    @Test
    void memoryIsStatedBeforeTheRun() throws IOException, OrtException {
        Path file = Patterns.TWO_LAYERS_ONE_MASK.model(1).write(folder.resolve("two.onnx"));
        try (OnnxTransformer transformer = OnnxTransformer.open(file)) {
            AttentionMethod exact = Attention.exact().build();
            long small = transformer.estimate(1, 1 << 16, exact);
            long large = transformer.estimate(1, 1 << 18, exact);
            // Queries, keys and values of 16 floats each, and what they are made from, pass between the parts.
            assertTrue(small >= 4L * 16 * Float.BYTES << 16, small + " bytes");
            assertTrue(large > 3.5 * small && large < 4.5 * small, small + " and " + large + " bytes");
            assertTrue(transformer.estimate(3, 1 << 16, exact) > 2 * small);
            assertThrows(IllegalArgumentException.class, () -> transformer.estimate(1, 0, exact));
            // Two heads' logits, twice, where an attention is left to ONNX Runtime.
            long left = transformer.estimate(1, 1 << 12, attention -> attention.index() == 1 ? null : exact);
            assertTrue(left > 4L * Float.BYTES << 24 && left < 5L * Float.BYTES << 24, left + " bytes");
        }
        TestModel layer = new TestModel(23, 1);
        operator(layer, "", "Attention", 1, Map.of(), qkv(layer, new long[] {1, 2, 9, 8}, new long[] {1, 2, 9, 8}));
        try (OnnxTransformer transformer = OnnxTransformer.open(layer.write(folder.resolve("sizes.onnx")))) {
            assertThrows(IllegalStateException.class, () -> transformer.estimate(1, 9, Attention.exact().build()));
        }
    }
}
