package dev.kdeformer.peers;

import ai.onnxruntime.OrtEnvironment;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.InputFeature;
import dev.kdeformer.cli.peers.Peer;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;

/**
 * ONNX Runtime's operator com.microsoft.GroupQueryAttention on (batch, n, heads · d), which language models are
 * exported with: always causal, as many queries as keys where nothing came before. It also writes a cache of the keys
 * and values, which is a part of its time. Without a soft cap it is one tiled kernel, with one it holds all n × m
 * logits.
 */
public final class OnnxGroupQuery implements Peer {
    @Override
    public String name() {
        return "onnxruntime-gqa";
    }

    @Override
    public String version() {
        return OrtEnvironment.getEnvironment().getVersion();
    }

    @Override
    public Call prepare(AttentionInput input, int threads) {
        Limits.check(input, InputFeature.CAUSAL, InputFeature.SOFT_CAP);
        if (!Limits.isTriangle(input) || input.d() != input.dv() || input.scale() == 0) {
            throw new UnsupportedOperationException("it computes causal attention of as many queries as keys, d = d_v"
                    + " and a scale other than 0");
        }
        boolean tiled = input.softCap() == 0;
        if (!tiled) {
            Limits.checkLogits(input, 2L * input.batch() * input.heads());
        }
        int heads = input.heads();
        int kvHeads = input.kvHeads();
        int batch = input.batch();
        int n = input.queries();
        long width = (long) heads * input.d();
        long kvWidth = (long) kvHeads * input.d();
        OnnxModel model = new OnnxModel(17).node("com.microsoft", "GroupQueryAttention",
                OnnxCall.OUTPUT + ",present_key,present_value",
                new String[] {"query", "key", "value", "", "", "lengths", "total"},
                OnnxModel.attribute("num_heads", (long) heads), OnnxModel.attribute("kv_num_heads", (long) kvHeads),
                OnnxModel.attribute("scale", input.scale()), OnnxModel.attribute("softcap", input.softCap()));
        int[] lengths = new int[batch];
        Arrays.fill(lengths, n - 1);
        Arena arena = Arena.ofShared();
        try {
            List<Feed> feeds = List.of(
                    new Feed("query", Layout.byRow(arena, input.query(), heads), batch, n, width),
                    new Feed("key", Layout.byRow(arena, input.key(), kvHeads), batch, n, kvWidth),
                    new Feed("value", Layout.byRow(arena, input.value(), kvHeads), batch, n, kvWidth),
                    new Feed("lengths", Layout.numbers(arena, lengths), batch),
                    new Feed("total", Layout.numbers(arena, n)));
            Feed output = new Feed(OnnxCall.OUTPUT, Layout.output(arena, input), batch, n, width);
            return new OnnxCall(arena, model, threads, tiled, feeds, output, true);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }
}
