package dev.kdeformer.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Puts elements that come with the first index fastest into their places in row-major memory. */
final class FortranOrder {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final MemorySegment target;
    /** Dimensions of more than one element, first dimension first, and their distances in row-major memory. */
    private final long[] sizes;
    private final long[] strides;
    private final long[] index;
    private long at;

    FortranOrder(List<Long> dimensions, MemorySegment target) {
        this.target = target;
        // A leading dimension of 1, such as a single batch item, would cut the inner loop to one element.
        long[] wide = dimensions.stream().mapToLong(Long::longValue).filter(size -> size > 1).toArray();
        sizes = wide.length == 0 ? new long[] {1} : wide;
        strides = new long[sizes.length];
        index = new long[sizes.length];
        long stride = Float.BYTES;
        for (int axis = sizes.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= sizes[axis];
        }
    }

    /** Places the next {@code count} elements. */
    void next(float[] values, int count) {
        int from = 0;
        while (from < count) {
            int run = (int) Math.min(count - from, sizes[0] - index[0]);
            for (int i = 0; i < run; i++) {
                target.set(FLOAT, at + i * strides[0], values[from + i]);
            }
            from += run;
            index[0] += run;
            at += run * strides[0];
            carry();
        }
    }

    private void carry() {
        for (int axis = 0; axis < sizes.length && index[axis] == sizes[axis]; axis++) {
            at -= sizes[axis] * strides[axis];
            index[axis] = 0;
            if (axis + 1 < sizes.length) {
                at += strides[axis + 1];
                index[axis + 1]++;
            }
        }
    }
}
