package dev.kdeformer.spark;

import java.io.Serializable;

/**
 * A token on its way into a block, as a bean: read as a {@code Row}, every float of an array would become an object,
 * which takes twice as long.
 */
public final class TokenRow implements Serializable {
    private static final long serialVersionUID = 1;

    private int head;
    private long block;
    private long position;
    private float[] query;
    private float[] key;
    private float[] value;
    private Float bias;

    public int getHead() {
        return head;
    }

    public void setHead(int newHead) {
        head = newHead;
    }

    public long getBlock() {
        return block;
    }

    public void setBlock(long newBlock) {
        block = newBlock;
    }

    public long getPosition() {
        return position;
    }

    public void setPosition(long newPosition) {
        position = newPosition;
    }

    public float[] getQuery() {
        return query;
    }

    public void setQuery(float[] newQuery) {
        query = newQuery;
    }

    public float[] getKey() {
        return key;
    }

    public void setKey(float[] newKey) {
        key = newKey;
    }

    public float[] getValue() {
        return value;
    }

    public void setValue(float[] newValue) {
        value = newValue;
    }

    public Float getBias() {
        return bias;
    }

    public void setBias(Float newBias) {
        bias = newBias;
    }
}
