package dev.kdeformer.peers;

import ai.onnxruntime.OrtEnvironment;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import dev.kdeformer.cli.peers.Peer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * ONNX Runtime on the graph that exporters write for attention: Transpose, MatMul, Mul by the scale, Add of the mask,
 * Softmax, MatMul. ONNX Runtime may merge neighbours of these, but holds all n × m logits of every head.
 */
public final class OnnxGraph implements Peer {
    @Override
    public String name() {
        return "onnxruntime-unfused";
    }

    @Override
    public String version() {
        return OrtEnvironment.getEnvironment().getVersion();
    }

    @Override
    public Call prepare(AttentionInput input, int threads) {
        Limits.check(input, InputFeature.CAUSAL, InputFeature.KEY_LENGTHS, InputFeature.PAIR_BIAS);
        Limits.checkLogits(input, 2L * input.batch() * input.heads());
        boolean masked = !input.features().isEmpty();
        int heads = input.heads();
        long b = input.batch();
        long n = input.queries();
        long m = input.keys();
        OnnxModel model = new OnnxModel(17).constant("scale", input.scale())
                .node("", "Transpose", "transposed", new String[] {"key"}, OnnxModel.attribute("perm", 0, 1, 3, 2))
                .node("", "MatMul", "product", new String[] {"query", "transposed"})
                .node("", "Mul", "logits", new String[] {"product", "scale"});
        if (masked) {
            model.node("", "Add", "masked", new String[] {"logits", "mask"});
        }
        model.node("", "Softmax", "weights", new String[] {masked ? "masked" : "logits"},
                        OnnxModel.attribute("axis", -1L))
                .node("", "MatMul", OnnxCall.OUTPUT, new String[] {"weights", "value"});
        Arena arena = Arena.ofShared();
        try {
            List<Feed> feeds = new ArrayList<>(List.of(
                    new Feed("query", Layout.byHead(arena, input.query(), heads), b, heads, n, input.d()),
                    new Feed("key", Layout.byHead(arena, input.key(), heads), b, heads, m, input.d()),
                    new Feed("value", Layout.byHead(arena, input.value(), heads), b, heads, m, input.dv())));
            if (masked) {
                feeds.add(Layout.summands(arena, "mask", input));
            }
            Feed output = new Feed(OnnxCall.OUTPUT, Layout.output(arena, input), b, heads, n,
                    input.dv());
            return new OnnxCall(arena, model, threads, false, feeds, output, false);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }
}
