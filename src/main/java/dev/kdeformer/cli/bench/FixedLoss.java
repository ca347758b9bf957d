package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/** The loss Σ w ∘ output of a fixed function in double precision, to be differentiated. */
public final class FixedLoss {
    private final FixedFunction function;
    private final int groupSize;
    private final double[][][] tensors;
    private final double[][] weights;

    FixedLoss(FixedFunction function, AttentionInput input, Tensor weights) {
        this.function = function;
        this.groupSize = input.groupSize();
        this.tensors = new double[][][] {copy(input.query()), copy(input.key()), copy(input.value())};
        this.weights = copy(weights);
    }

    /**
     * A central difference by one element.
     *
     * @param which   0 for queries, 1 for keys, 2 for values
     * @param head    batch · heads + head of that tensor
     * @param element index within the head
     */
    double difference(int which, int head, int element, double step) {
        int unit = which == 0 ? head / groupSize : head;
        double[] elements = tensors[which][head];
        double value = elements[element];
        elements[element] = value + step;
        double above = loss(unit);
        elements[element] = value - step;
        double below = loss(unit);
        elements[element] = value;
        return (above - below) / (2 * step);
    }

    /** The loss of the elements as they are now. */
    double loss() {
        double sum = 0;
        for (int unit = 0; unit < tensors[1].length; unit++) {
            sum += loss(unit);
        }
        return sum;
    }

    /** The part of the loss that depends on a key head. */
    private double loss(int unit) {
        double[][] outputs = function.outputs(unit, tensors[0], tensors[1], tensors[2]);
        double sum = 0;
        for (int member = 0; member < groupSize; member++) {
            double[] weight = weights[unit * groupSize + member];
            for (int i = 0; i < weight.length; i++) {
                sum += weight[i] * outputs[member][i];
            }
        }
        return sum;
    }

    private static double[][] copy(Tensor tensor) {
        int heads = tensor.shape().heads();
        double[][] all = new double[tensor.shape().batch() * heads][];
        for (int h = 0; h < all.length; h++) {
            Matrix matrix = tensor.matrix(h / heads, h % heads);
            float[] values = matrix.toArray();
            all[h] = new double[values.length];
            for (int i = 0; i < values.length; i++) {
                all[h][i] = values[i];
            }
        }
        return all;
    }
}
