package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.tensor.Tensor;

/**
 * A number that tells the inputs and options of plans apart: of the shapes, the scale, the mask, the options and some
 * rows of every head, evenly spaced. It finds mistakes, not malice.
 */
final class PlanPrint {
    /** Rows of each head that are looked at. */
    private static final int ROWS = 64;

    private long hash = 0xcbf2_9ce4_8422_2325L;

    private PlanPrint() {
    }

    /** The number for an input and options. */
    static long of(AttentionInput input, PilotOptions options) {
        PlanPrint print = new PlanPrint();
        for (char c : options.toString().toCharArray()) {
            print.add(c);
        }
        print.add(Float.floatToRawIntBits(input.scale()));
        print.add(input.mask().isCausal() ? 1 : 0);
        print.add(input.mask().isCausal() ? input.mask().causalOffset(input.queries(), input.keys()) : 0);
        for (int b = 0; b < input.batch(); b++) {
            print.add(input.mask().keyLength(b, input.keys()));
        }
        print.add(input.query());
        print.add(input.key());
        print.add(input.value());
        print.add(input.keyBias() == null ? 0 : 1);
        if (input.keyBias() != null) {
            print.add(input.keyBias());
        }
        return print.hash;
    }

    private void add(Tensor tensor) {
        int rows = tensor.shape().rows();
        float[] row = new float[tensor.shape().columns()];
        add(tensor.shape().batch());
        add(tensor.shape().heads());
        add(rows);
        add(row.length);
        for (int b = 0; b < tensor.shape().batch(); b++) {
            for (int h = 0; h < tensor.shape().heads(); h++) {
                for (int i = 0; i < Math.min(ROWS, rows); i++) {
                    tensor.matrix(b, h).readRow((int) ((long) i * rows / Math.min(ROWS, rows)), row, 0);
                    for (float x : row) {
                        add(Float.floatToRawIntBits(x));
                    }
                }
            }
        }
    }

    /** A step of FNV-1a, of 32 bits at a time. */
    private void add(int value) {
        hash = (hash ^ value & 0xffff_ffffL) * 0x100_0000_01b3L;
    }
}
