package dev.kdeformer.train;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The sizes of a transformer.
 *
 * @param layers     number of layers
 * @param width      features of the residual stream
 * @param attention  the heads of a layer
 * @param hidden     features inside the gated MLP
 * @param vocabulary number of different tokens
 * @param classes    0 for a decoder that predicts the next token; else the classes of an encoder's sequences, padded as
 *                   all columns are
 */
public record ModelShape(int layers, int width, Heads attention, int hidden, int vocabulary, int classes) {
    /**
     * The heads of a layer.
     *
     * @param heads        query heads
     * @param kvHeads      key and value heads, of which {@code heads} is a multiple
     * @param headFeatures features of a head
     * @param rotaryBase   base of the rotary positions' wave lengths (Su et al. 2021, RoFormer, section 3.2.2)
     */
    public record Heads(int heads, int kvHeads, int headFeatures, double rotaryBase) {
        /**
         * Checks the sizes.
         *
         * @throws IllegalArgumentException naming the size that does not fit
         */
        public Heads {
            range("heads", heads, 1, 256);
            range("kv-heads", kvHeads, 1, heads);
            range("head-features", headFeatures, 2, 256);
            multiple("head-features", headFeatures);
            if (heads % kvHeads != 0) {
                throw new IllegalArgumentException("heads must be a multiple of kv-heads, got " + heads + " and "
                        + kvHeads);
            }
            if (!(rotaryBase >= 1 && rotaryBase <= 1e9)) {
                throw new IllegalArgumentException("rotary-base must be between 1 and 1e9, got " + rotaryBase);
            }
        }
    }

    /**
     * Checks the sizes.
     *
     * @throws IllegalArgumentException naming the size that does not fit
     */
    public ModelShape {
        range("layers", layers, 1, 256);
        range("width", width, 32, 1 << 14);
        range("hidden", hidden, 32, 1 << 16);
        range("vocabulary", vocabulary, 32, 1 << 16);
        range("classes", classes, 0, 1 << 12);
        multiple("width", width);
        multiple("hidden", hidden);
        multiple("vocabulary", vocabulary);
        multiple("classes", classes);
    }

    /** Query heads. */
    public int heads() {
        return attention.heads;
    }

    /** Key and value heads. */
    public int kvHeads() {
        return attention.kvHeads;
    }

    /** Features of a head. */
    public int headFeatures() {
        return attention.headFeatures;
    }

    /** Base of the rotary positions' wave lengths. */
    public double rotaryBase() {
        return attention.rotaryBase;
    }

    /** Columns of all query heads together. */
    public int queryColumns() {
        return heads() * headFeatures();
    }

    /** Columns of all key heads, or of all value heads, together. */
    public int keyColumns() {
        return kvHeads() * headFeatures();
    }

    /** Whether the model predicts the next token, with a causal mask. */
    public boolean isDecoder() {
        return classes == 0;
    }

    /** Number of trained numbers. */
    public long parameters() {
        long layer = (long) width * (2L * queryColumns() + 2L * keyColumns() + 3L * hidden) + 2L * width;
        return layers * layer + (long) vocabulary * width + width + (long) classes * width;
    }

    /** Multiply-adds of a token's forward pass without attention, in floating-point operations. */
    public double flopsPerToken() {
        return 2.0 * (layers * (double) width * (2.0 * queryColumns() + 2.0 * keyColumns() + 3.0 * hidden)
                + (isDecoder() ? (double) vocabulary * width : 0));
    }

    /** The sizes by name, as a file keeps them. */
    public Map<String, String> toMap() {
        Map<String, String> map = new LinkedHashMap<>();
        map.put("layers", Integer.toString(layers));
        map.put("width", Integer.toString(width));
        map.put("heads", Integer.toString(heads()));
        map.put("kv-heads", Integer.toString(kvHeads()));
        map.put("head-features", Integer.toString(headFeatures()));
        map.put("hidden", Integer.toString(hidden));
        map.put("vocabulary", Integer.toString(vocabulary));
        map.put("classes", Integer.toString(classes));
        map.put("rotary-base", Double.toString(rotaryBase()));
        return map;
    }

    /**
     * The shape that {@link #toMap} gave.
     *
     * @throws IllegalArgumentException if a size is missing, not a number, or does not fit
     */
    public static ModelShape of(Map<String, String> map) {
        return new ModelShape(size(map, "layers"), size(map, "width"), new Heads(size(map, "heads"),
                size(map, "kv-heads"), size(map, "head-features"), number(map, "rotary-base")),
                size(map, "hidden"), size(map, "vocabulary"), size(map, "classes"));
    }

    private static int size(Map<String, String> map, String name) {
        double value = number(map, name);
        if (value != (int) value) {
            throw new IllegalArgumentException(name + " must be a whole number, got " + value);
        }
        return (int) value;
    }

    private static double number(Map<String, String> map, String name) {
        String text = map.get(name);
        if (text == null) {
            throw new IllegalArgumentException("there is no size " + name);
        }
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " must be a number, got " + text, e);
        }
    }

    private static void range(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " must be between " + least + " and " + most + ", got " + value);
        }
    }

    private static void multiple(String name, int value) {
        if (value % MatrixProduct.COLUMN_MULTIPLE != 0) {
            throw new IllegalArgumentException(name + " must be a multiple of " + MatrixProduct.COLUMN_MULTIPLE
                    + ", got " + value);
        }
    }
}
