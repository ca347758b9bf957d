package dev.kdeformer.onnx.run;

import dev.kdeformer.onnx.graph.ElementKind;
import dev.kdeformer.onnx.match.Operand;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A value of the graph seen as leading dimensions, rows and columns, wherever these lie in it.
 *
 * @param data    its memory
 * @param lead    sizes of the leading dimensions, the last of which are the heads
 * @param strides distances in floats of the leading dimensions, rows and columns
 */
record HeadView(MemorySegment data, long[] lead, long rows, long columns, long[] strides) {
    static HeadView of(Operand operand, RawTensor raw) throws CannotRun {
        if (raw.kind() != ElementKind.FLOAT) {
            throw new CannotRun("a tensor has element type " + raw.kind() + ", not float32");
        }
        return of(operand, raw.data(), raw.sizes());
    }

    static HeadView of(Operand operand, MemorySegment data, long[] given) throws CannotRun {
        long[] sizes = given;
        if (operand.split() > 0 && given.length == 4 && given[1] == operand.split()) {
            return of(Operand.byHead(operand.value()), data, given); // operators take (batch, heads, rows, d) as well
        }
        if (operand.split() > 0) {
            long width = given[given.length - 1];
            if (given.length != 3 || width % operand.split() != 0) {
                throw new CannotRun("a tensor of sizes " + Arrays.toString(given) + " does not split into "
                        + operand.split() + " heads");
            }
            sizes = new long[] {given[0], given[1], operand.split(), width / operand.split()};
        }
        int rank = sizes.length;
        if (rank < 2 || operand.axes() != null && operand.axes().length != rank) {
            throw new CannotRun("a tensor of " + rank + " dimensions was not expected");
        }
        long[] distances = new RawTensor(null, 0, sizes).strides();
        int[] order = operand.order(rank);
        long[] ordered = new long[rank];
        long[] strides = new long[rank];
        for (int i = 0; i < rank; i++) {
            ordered[i] = sizes[order[i]];
            strides[i] = distances[order[i]];
            if (ordered[i] < 1 || ordered[i] > Integer.MAX_VALUE) {
                throw new CannotRun("a tensor has sizes " + Arrays.toString(sizes));
            }
        }
        return new HeadView(data, Arrays.copyOf(ordered, rank - 2), ordered[rank - 2], ordered[rank - 1], strides);
    }

    /** Number of dimensions. */
    int rank() {
        return strides.length;
    }

    /**
     * The tensor (batch, heads, rows, columns).
     *
     * @param grid  the batch and heads that all tensors of the attention have
     * @param heads the heads of this one: those of the grid, or fewer for keys and values that are shared
     */
    Tensor tensor(Grid grid, int heads) throws CannotRun {
        long headStride;
        long batchStride;
        long columnStride = strides[rank() - 1];
        long rowStride = strides[rank() - 2];
        if (grid.folded()) {
            long stride = lead.length == 0 || lead[0] == 1 ? 0 : strides[0];
            headStride = stride;
            batchStride = stride * grid.heads();
        } else {
            int last = lead.length - 1;
            headStride = last < 0 || lead[last] == 1 ? 0 : strides[last];
            batchStride = grid.batch() == 1 ? 0 : batchStride(grid);
        }
        return Tensor.of(data, Shape.of(grid.batch(), heads, (int) rows, (int) columns), batchStride, headStride,
                rowStride, columnStride);
    }

    /** The distance of batch items, which are all leading dimensions but the last taken together. */
    private long batchStride(Grid grid) throws CannotRun {
        long stride = 0;
        long count = 1;
        for (int i = lead.length - 2; i >= 0; i--) {
            if (lead[i] == 1) {
                continue;
            }
            if (count == 1) {
                stride = strides[i];
            } else if (strides[i] != stride * count) {
                throw new CannotRun("its leading dimensions do not lie one after the other");
            }
            count *= lead[i];
        }
        if (count != 1 && count != grid.batch()) {
            throw new CannotRun("its operands have different leading dimensions");
        }
        return stride;
    }
}
