package dev.kdeformer.spark;

import java.io.Serializable;

/** What attention gives a query, as a bean. */
public final class ResultRow implements Serializable {
    private static final long serialVersionUID = 1;

    private int head;
    private long position;
    private float[] output;
    private float logSumExp;

    public int getHead() {
        return head;
    }

    public void setHead(int newHead) {
        head = newHead;
    }

    public long getPosition() {
        return position;
    }

    public void setPosition(long newPosition) {
        position = newPosition;
    }

    public float[] getOutput() {
        return output;
    }

    public void setOutput(float[] newOutput) {
        output = newOutput;
    }

    public float getLogSumExp() {
        return logSumExp;
    }

    public void setLogSumExp(float newLogSumExp) {
        logSumExp = newLogSumExp;
    }
}
