package dev.kdeformer.train;

import dev.kdeformer.runtime.Team;
import java.util.List;

/**
 * Adam with decoupled weight decay and clipping of the gradients' common norm (Loshchilov and Hutter 2019, "Decoupled
 * weight decay regularization", algorithm 2; Pascanu et al. 2013, "On the difficulty of training recurrent neural
 * networks", algorithm 1).
 */
final class AdamW {
    private static final float FIRST = 0.9f;
    private static final float SECOND = 0.95f;
    private static final float EPSILON = 1e-8f;
    private static final double DECAY = 0.1;
    private static final double LARGEST_NORM = 1;
    private static final int PIECE = 1 << 14;

    private final List<Parameter> parameters;
    private final float[][] first;
    private final float[][] second;
    private long steps;

    AdamW(List<Parameter> parameters) {
        this.parameters = parameters;
        this.first = parameters.stream().map(parameter -> new float[parameter.size()]).toArray(float[][]::new);
        this.second = parameters.stream().map(parameter -> new float[parameter.size()]).toArray(float[][]::new);
    }

    /** Running means of a parameter's gradient. */
    float[] first(int parameter) {
        return first[parameter];
    }

    /** Running means of a parameter's squared gradient. */
    float[] second(int parameter) {
        return second[parameter];
    }

    long steps() {
        return steps;
    }

    void resume(long stepsDone) {
        steps = stepsDone;
    }

    /**
     * Changes the parameters by their gradients.
     *
     * @return the norm of all gradients together before clipping; nothing is changed if it is not finite
     */
    double step(Team team, double rate) {
        double norm = norm(team);
        if (!Double.isFinite(norm)) {
            return norm;
        }
        steps++;
        float clip = (float) Math.min(1, LARGEST_NORM / Math.max(norm, 1e-30));
        float firstScale = (float) (1 / (1 - Math.pow(FIRST, steps)));
        float secondScale = (float) (1 / (1 - Math.pow(SECOND, steps)));
        for (int p = 0; p < first.length; p++) {
            Parameter parameter = parameters.get(p);
            float[] m = first[p];
            float[] v = second[p];
            float keep = parameter.decays() ? (float) (1 - rate * DECAY) : 1;
            Change change = new Change(clip, keep, (float) rate, firstScale, secondScale);
            team.forEach(Math.ceilDiv(m.length, PIECE), (piece, scratch) -> change.apply(parameter, m, v,
                    piece * PIECE, Math.min(m.length, (piece + 1) * PIECE)));
        }
        return norm;
    }

    /**
     * One step's change of a parameter.
     *
     * @param clip        factor of gradients
     * @param keep        what decay leaves of a number
     * @param rate        learning rate
     * @param firstScale  factor that makes up for the running mean's start at zero
     * @param secondScale the same for the squares
     */
    private record Change(float clip, float keep, float rate, float firstScale, float secondScale) {
        void apply(Parameter parameter, float[] m, float[] v, int from, int to) {
            float[] value = parameter.value();
            float[] gradient = parameter.gradient();
            for (int i = from; i < to; i++) {
                float g = gradient[i] * clip;
                m[i] = FIRST * m[i] + (1 - FIRST) * g;
                v[i] = SECOND * v[i] + (1 - SECOND) * g * g;
                value[i] = keep * value[i]
                        - rate * (m[i] * firstScale) / ((float) Math.sqrt(v[i] * secondScale) + EPSILON);
            }
        }
    }

    private double norm(Team team) {
        double sum = 0;
        for (Parameter parameter : parameters) {
            float[] gradient = parameter.gradient();
            double[] parts = new double[Math.ceilDiv(gradient.length, PIECE)];
            team.forEach(parts.length, (piece, scratch) -> {
                double part = 0;
                for (int i = piece * PIECE; i < Math.min(gradient.length, (piece + 1) * PIECE); i++) {
                    part += (double) gradient[i] * gradient[i];
                }
                parts[piece] = part;
            });
            for (double part : parts) {
                sum += part;
            }
        }
        return Math.sqrt(sum);
    }
}
