package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Makes a model whose positions are a constant list 0, 1, 2, … take longer sequences, by giving several neighbours the
 * same position. What such a model says of long texts is worth nothing; how long it takes is worth a measurement.
 */
public final class Positions {
    private static final int FEWEST = 64;
    private static final int MOST = 1 << 17;

    private Positions() {
    }

    /**
     * The model with its positions spread over {@code length} tokens.
     *
     * @throws IllegalArgumentException if the model has no constant list of positions
     */
    public static Model stretch(Model model, int length) {
        Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
        boolean any = false;
        for (Map.Entry<String, Weight> entry : weights.entrySet()) {
            if (isList(entry.getValue())) {
                entry.setValue(stretched(entry.getValue(), length));
                any = true;
            }
        }
        if (!any) {
            throw new IllegalArgumentException("the model has no constant list of positions to stretch");
        }
        return new Model(model.header(), model.nodes(), weights, model.sparse(), model.inputs(),
                model.outputs(), model.parts());
    }

    /** How many positions a constant list of them has; 0 where the model has none. */
    public static int count(Model model) {
        return model.weights().values().stream().filter(Positions::isList).mapToInt(weight -> (int) weight.elements())
                .min().orElse(0);
    }

    private static boolean isList(Weight weight) {
        long[] sizes = weight.sizes();
        return weight.kind() == ElementKind.INT64 && sizes.length > 0 && weight.elements() == sizes[sizes.length - 1]
                && weight.elements() >= FEWEST && weight.elements() <= MOST && counts(weight);
    }

    private static boolean counts(Weight weight) {
        double[] values = weight.values(MOST);
        if (values == null) {
            return false;
        }
        for (int i = 0; i < values.length; i++) {
            if (values[i] != i) {
                return false;
            }
        }
        return true;
    }

    private static Weight stretched(Weight weight, int length) {
        ByteBuffer raw = ByteBuffer.allocate(Math.multiplyExact(length, Long.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < length; i++) {
            raw.putLong((long) i * weight.elements() / length);
        }
        long[] sizes = weight.sizes().clone();
        sizes[sizes.length - 1] = length;
        WireWriter message = new WireWriter();
        for (long size : sizes) {
            message.number(1, size);
        }
        message.number(2, ElementKind.INT64).text(8, weight.name()).block(9, raw.array());
        return new Weight(weight.name(), ElementKind.INT64, sizes, MemorySegment.ofArray(message.toBytes()), -1, 0,
                null);
    }
}
