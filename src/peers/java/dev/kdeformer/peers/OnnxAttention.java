package dev.kdeformer.peers;

import ai.onnxruntime.OrtEnvironment;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import dev.kdeformer.cli.peers.Peer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * ONNX Runtime's kernel of the standard operator Attention of ONNX opset 23, on (batch, heads, n, d). Heads of keys are
 * not repeated for the heads of queries that share them. It holds all n × m logits.
 */
public final class OnnxAttention implements Peer {
    private static final int VERSION = 23;

    @Override
    public String name() {
        return "onnxruntime-attention";
    }

    @Override
    public String version() {
        return OrtEnvironment.getEnvironment().getVersion();
    }

    @Override
    public Call prepare(AttentionInput input, int threads) {
        Limits.check(input, InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.PAIR_BIAS,
                InputFeature.SOFT_CAP);
        if (input.scale() <= 0) {
            throw new UnsupportedOperationException("it takes positive scales only, got " + input.scale());
        }
        Limits.checkLogits(input, 2L * input.batch() * input.heads());
        boolean triangle = Limits.isTriangle(input) && input.pairBias() == null && !input.mask().hasKeyLengths();
        boolean summands = input.pairBias() != null || input.mask().hasKeyLengths()
                || input.mask().isCausal() && !triangle;
        int heads = input.heads();
        int kvHeads = input.kvHeads();
        long b = input.batch();
        long n = input.queries();
        long m = input.keys();
        OnnxModel model = new OnnxModel(VERSION).node("", "Attention", OnnxCall.OUTPUT,
                new String[] {"query", "key", "value", summands ? "mask" : ""},
                OnnxModel.attribute("is_causal", triangle ? 1L : 0L),
                OnnxModel.attribute("scale", input.scale()), OnnxModel.attribute("softcap", input.softCap()));
        Arena arena = Arena.ofShared();
        try {
            List<Feed> feeds = new ArrayList<>(List.of(
                    new Feed("query", Layout.byHead(arena, input.query(), heads), b, heads, n, input.d()),
                    new Feed("key", Layout.byHead(arena, input.key(), kvHeads), b, kvHeads, m, input.d()),
                    new Feed("value", Layout.byHead(arena, input.value(), kvHeads), b, kvHeads, m, input.dv())));
            if (summands) {
                feeds.add(Layout.summands(arena, "mask", input));
            }
            Feed output = new Feed(OnnxCall.OUTPUT, Layout.output(arena, input), b, heads, n, input.dv());
            return new OnnxCall(arena, model, threads, false, feeds, output, false);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }
}
