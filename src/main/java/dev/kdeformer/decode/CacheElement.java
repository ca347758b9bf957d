package dev.kdeformer.decode;

/** What a {@link KeyValueCache} stores keys and values as. Queries, logits, sums and outputs are float32 always. */
public enum CacheElement {
    /** As they come, four bytes an element. */
    FLOAT32(1),
    /** Rounded to 8 significant bits, two bytes an element: a relative error of up to 2⁻⁸ of every element. */
    BFLOAT16(2),
    /**
     * One byte an element and two scales of four bytes for every key of every head, one of the key and one of the
     * value: an error of up to 1/254 of the largest element of the row.
     */
    INT8(4);

    private final int perInt;

    CacheElement(int perInt) {
        this.perInt = perInt;
    }

    /** Returns the bytes of a key or value of {@code features} features, its scale included, padding not. */
    public long rowBytes(int features) {
        return switch (this) {
            case FLOAT32 -> 4L * features;
            case BFLOAT16 -> 2L * features;
            case INT8 -> features + 4L;
        };
    }

    /** Elements in four bytes. */
    int perInt() {
        return perInt;
    }
}
