package dev.kdeformer.train;

import dev.kdeformer.runtime.Team;

/**
 * Rotary positions (Su et al. 2021, RoFormer): feature i of a head and feature i + d/2 are turned together by the angle
 * position · base^(−2i/d). Kept for the longest sequence so far.
 */
final class Rotary {
    private static final int ROWS = 64;

    private final int features;
    private final double base;
    private float[] cosines = new float[0];
    private float[] sines = new float[0];

    Rotary(int features, double base) {
        this.features = features;
        this.base = base;
    }

    /** Makes room for positions below {@code length}. */
    void prepare(int length) {
        int half = features / 2;
        if (cosines.length >= length * half) {
            return;
        }
        cosines = new float[length * half];
        sines = new float[length * half];
        for (int i = 0; i < half; i++) {
            double speed = Math.pow(base, -2.0 * i / features);
            for (int position = 0; position < length; position++) {
                cosines[position * half + i] = (float) StrictMath.cos(position * speed);
                sines[position * half + i] = (float) StrictMath.sin(position * speed);
            }
        }
    }

    /**
     * Turns every head of every row.
     *
     * @param x      rows of {@code columns} elements, a multiple of the features of a head
     * @param length rows of a sequence; row r has position r mod length
     * @param back   whether to turn the other way, which is what gradients need
     */
    void turn(Team team, float[] x, int rows, int columns, int length, boolean back) {
        int half = features / 2;
        float sign = back ? -1 : 1;
        team.forEach(Math.ceilDiv(rows, ROWS), (task, scratch) -> {
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                int angle = r % length * half;
                for (int head = r * columns; head < (r + 1) * columns; head += features) {
                    for (int i = 0; i < half; i++) {
                        float a = x[head + i];
                        float b = x[head + half + i];
                        float cosine = cosines[angle + i];
                        float sine = sign * sines[angle + i];
                        x[head + i] = a * cosine - b * sine;
                        x[head + half + i] = a * sine + b * cosine;
                    }
                }
            }
        });
    }
}
