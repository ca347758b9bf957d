package dev.kdeformer.train;

import dev.kdeformer.sampling.CounterRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** All trained matrices of a model, in a fixed order. */
final class Parameters {
    private final List<Parameter> all = new ArrayList<>();

    /** Adds a matrix of zeros. */
    Parameter add(String name, int rows, int columns) {
        Parameter parameter = new Parameter(name, rows, columns);
        all.add(parameter);
        return parameter;
    }

    List<Parameter> all() {
        return Collections.unmodifiableList(all);
    }

    /**
     * Draws the weights: normal with deviation 1/√inputs, for matrices that add to the residual stream divided by
     * √(2 · layers) so that it does not grow with the depth (Radford et al. 2019, GPT-2, section 2.3); gains are 1. The
     * embedding's inputs are those that it has as the output matrix. With a smaller deviation (0.02 is common) a step
     * of Adam is a large part of each number, and what the layers read changes faster than they learn: a model of width
     * 128 took half as many bytes again to the same loss.
     */
    void initialise(long seed, int layers) {
        for (int i = 0; i < all.size(); i++) {
            Parameter parameter = all.get(i);
            float[] value = parameter.value();
            if (!parameter.decays()) {
                Arrays.fill(value, 1);
                continue;
            }
            double deviation = 1 / Math.sqrt(parameter.rows());
            if (parameter.name().equals(Transformer.EMBEDDING)) {
                deviation = 1 / Math.sqrt(parameter.columns());
            } else if (parameter.name().endsWith(".output") || parameter.name().endsWith(".down")) {
                deviation /= Math.sqrt(2.0 * layers);
            }
            CounterRandom random = CounterRandom.of(seed).stream(i);
            for (int j = 0; j < value.length; j++) {
                value[j] = (float) (deviation * random.gaussian(j));
            }
        }
    }

    void clearGradients() {
        all.forEach(parameter -> Arrays.fill(parameter.gradient(), 0));
    }
}
