package dev.kdeformer.peers;

import ai.onnxruntime.OrtEnvironment;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.cli.peers.Peer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * ONNX Runtime's operator com.microsoft.MultiHeadAttention on (batch, n, heads · d). Without a mask it runs one tiled
 * kernel; with a mask, a causal one too, it holds all n × m logits of a head.
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
        Limits.checkMask(input);
        if (input.scale() == 0) {
            throw new UnsupportedOperationException("ONNX Runtime takes a scale of 0 for 1/sqrt(d)");
        }
        boolean masked = input.mask().isCausal();
        if (masked || !isTiled()) {
            Limits.checkLogits(input, 2L * input.batch() * input.heads());
        }
        int heads = input.heads();
        long b = input.batch();
        long n = input.queries();
        long m = input.keys();
        boolean triangle = masked && n == m;
        boolean summands = masked && !triangle;
        OnnxModel model = new OnnxModel().node("com.microsoft", "MultiHeadAttention", OnnxCall.OUTPUT,
                summands ? new String[] {"query", "key", "value", "", "", "mask"}
                        : new String[] {"query", "key", "value"},
                OnnxModel.attribute("num_heads", (long) heads),
                OnnxModel.attribute("scale", input.scale()),
                OnnxModel.attribute("unidirectional", triangle ? 1L : 0L),
                OnnxModel.attribute("mask_filter_value", -1e30f));
        Arena arena = Arena.ofShared();
        try {
            long width = (long) heads * input.d();
            long outputWidth = (long) heads * input.dv();
            List<OnnxCall.Feed> feeds = new ArrayList<>(List.of(
                    new OnnxCall.Feed("query", Layout.byRow(arena, input.query(), heads), b, n, width),
                    new OnnxCall.Feed("key", Layout.byRow(arena, input.key(), heads), b, m, width),
                    new OnnxCall.Feed("value", Layout.byRow(arena, input.value(), heads), b, m, outputWidth)));
            if (summands) {
                feeds.add(new OnnxCall.Feed("mask", Layout.summands(arena, input), 1, 1, n, m));
            }
            OnnxCall.Feed output = new OnnxCall.Feed(OnnxCall.OUTPUT, Layout.output(arena, input), b, n, outputWidth);
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
