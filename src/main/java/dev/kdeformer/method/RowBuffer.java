package dev.kdeformer.method;

/** A thread's buffer for rows. */
final class RowBuffer {
    private float[] floats = new float[0];

    float[] room(int length) {
        if (floats.length < length) {
            floats = new float[length];
        }
        return floats;
    }
}
