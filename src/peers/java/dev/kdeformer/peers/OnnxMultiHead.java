package dev.kdeformer.peers;

import ai.onnxruntime.OrtEnvironment;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import dev.kdeformer.cli.peers.Peer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * ONNX Runtime's operator com.microsoft.MultiHeadAttention on (batch, n, heads · d). Without mask, padding
 * and bias it runs one tiled kernel; with any of them it holds all n × m logits of a head.
 */
public final class OnnxMultiHead implements Peer {
    private static final String SWITCH = "ORT_DISABLE_FLASH_ATTENTION";

    @Override
    public String name() {
        return "onnxruntime-mha";
    }

    @Override
    public String version() {
        return OrtEnvironment.getEnvironment().getVersion();
    }

    @Override
    public String caution() {
        return isTiled() ? "" : SWITCH + "=1 is set and makes " + name() + " hold all logits: unset it";
    }

    @Override
    public Call prepare(AttentionInput input, int threads) {
        Limits.check(input, InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.PAIR_BIAS);
        if (input.scale() == 0) {
            throw new UnsupportedOperationException("ONNX Runtime takes a scale of 0 for 1/sqrt(d)");
        }
        boolean masked = !input.features().isEmpty();
        if (masked || !isTiled()) {
            Limits.checkLogits(input, 2L * input.batch() * input.heads());
        }
        int heads = input.heads();
        long b = input.batch();
        long n = input.queries();
        long m = input.keys();
        boolean triangle = Limits.isTriangle(input);
        boolean padded = input.mask().hasKeyLengths();
        boolean summands = input.pairBias() != null || input.mask().isCausal() && !triangle;
        OnnxModel model = new OnnxModel(17).node("com.microsoft", "MultiHeadAttention", OnnxCall.OUTPUT,
                new String[] {"query", "key", "value", "", padded && !summands ? "lengths" : "",
                    summands ? "mask" : ""},
                OnnxModel.attribute("num_heads", (long) heads),
                OnnxModel.attribute("scale", input.scale()),
                OnnxModel.attribute("unidirectional", triangle ? 1L : 0L),
                OnnxModel.attribute("mask_filter_value", -1e30f));
        Arena arena = Arena.ofShared();
        try {
            long width = (long) heads * input.d();
            long outputWidth = (long) heads * input.dv();
            List<Feed> feeds = new ArrayList<>(List.of(
                    new Feed("query", Layout.byRow(arena, input.query(), heads), b, n, width),
                    new Feed("key", Layout.byRow(arena, input.key(), heads), b, m, width),
                    new Feed("value", Layout.byRow(arena, input.value(), heads), b, m, outputWidth)));
            if (summands) {
                feeds.add(Layout.summands(arena, "mask", input));
            } else if (padded) {
                int[] lengths = IntStream.range(0, input.batch()).map(i -> input.mask().keyLength(i, input.keys()))
                        .toArray();
                feeds.add(new Feed("lengths", Layout.numbers(arena, lengths), b));
            }
            Feed output = new Feed(OnnxCall.OUTPUT, Layout.output(arena, input), b, n, outputWidth);
            return new OnnxCall(arena, model, threads, !masked && isTiled(), feeds, output, true);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private static boolean isTiled() {
        return !"1".equals(System.getenv(SWITCH));
    }
}
