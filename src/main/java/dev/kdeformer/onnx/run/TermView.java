package dev.kdeformer.onnx.run;

import dev.kdeformer.onnx.graph.ElementKind;
import dev.kdeformer.onnx.match.MaskTerm;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.Function;

/** A mask of the graph laid over the logits: where its element for a batch item, head, query and key is. */
final class TermView {
    private final MaskTerm term;
    private final RawTensor raw;
    private final long[] batchOffsets;
    private final long[] headOffsets;
    private final long rowStride;
    private final long columnStride;

    private TermView(MaskTerm term, RawTensor raw, long[] batchOffsets, long[] headOffsets, long rowStride,
            long columnStride) {
        this.term = term;
        this.raw = raw;
        this.batchOffsets = batchOffsets;
        this.headOffsets = headOffsets;
        this.rowStride = rowStride;
        this.columnStride = columnStride;
    }

    /**
     * Lays a mask over the logits.
     *
     * @param shapes the sizes that a Reshape's operand holds, by name
     */
    static TermView of(MaskTerm term, RawTensor raw, Grid grid, Function<String, long[]> shapes) throws CannotRun {
        switch (term.kind()) {
            case LENGTHS, LAST_KEYS, WHOLE_LAST_KEYS -> {
                return lengths(term, raw, grid);
            }
            case PADDING -> {
                return padding(term, raw, grid);
            }
            case MASK -> {
                boolean truth = raw.kind() == ElementKind.BOOL;
                return of(new MaskTerm(truth ? MaskTerm.Kind.KEEP : MaskTerm.Kind.ADD, term.value(), 1, term.fill(),
                        true, ""), raw, grid, shapes);
            }
            default -> {
                // a value that spreads over the logits
            }
        }
        long[] target = term.shape().isEmpty() ? logits(grid) : Grid.resolve(shapes.apply(term.shape()),
                grid.logits());
        int rank = target.length;
        long[] strides = broadcast(raw, target);
        if (rank < 2 || target[rank - 1] != grid.keys() || target[rank - 2] != grid.queries()) {
            throw new CannotRun("its logits are reshaped to " + Arrays.toString(target));
        }
        long[] batch = new long[grid.batch()];
        long[] heads = new long[grid.heads()];
        if (rank == 3 && target[0] == (long) grid.batch() * grid.heads()) {
            for (int h = 0; h < heads.length; h++) {
                heads[h] = h * strides[0];
            }
            for (int b = 0; b < batch.length; b++) {
                batch[b] = b * strides[0] * grid.heads();
            }
        } else if (rank > 2) {
            if (target[rank - 3] != grid.heads()) {
                throw new CannotRun("its mask is not laid out by heads");
            }
            for (int h = 0; h < heads.length; h++) {
                heads[h] = h * strides[rank - 3];
            }
            for (int b = 0; b < batch.length; b++) {
                long rest = b;
                for (int i = rank - 4; i >= 0; i--) {
                    batch[b] += rest % target[i] * strides[i];
                    rest /= target[i];
                }
            }
        }
        return new TermView(term, raw, batch, heads, strides[rank - 2], strides[rank - 1]);
    }

    private static TermView lengths(MaskTerm term, RawTensor raw, Grid grid) throws CannotRun {
        if (raw.elements() != grid.batch()) {
            throw new CannotRun("its key lengths are not one for each batch item");
        }
        for (int b = 0; b < grid.batch() && term.kind() == MaskTerm.Kind.WHOLE_LAST_KEYS; b++) {
            if (raw.get(b) + 1 != grid.keys()) {
                throw new CannotRun("its batch items have pasts of different lengths");
            }
        }
        return new TermView(term, raw, offsets(grid.batch(), 1), new long[grid.heads()], 0, 0);
    }

    /** Lengths, or zeros for hidden keys without an axis for the heads. */
    private static TermView padding(MaskTerm term, RawTensor raw, Grid grid) throws CannotRun {
        long[] sizes = raw.sizes();
        if (sizes.length == 1) {
            return lengths(new MaskTerm(MaskTerm.Kind.LENGTHS, term.value(), 1, term.fill(), true, ""), raw, grid);
        }
        int keys = grid.keys();
        int queries = grid.queries();
        MaskTerm keep = new MaskTerm(MaskTerm.Kind.KEEP, term.value(), 1, term.fill(), true, "");
        if (sizes.length == 2 && sizes[0] == grid.batch() && sizes[1] == keys) {
            return new TermView(keep, raw, offsets(grid.batch(), keys), new long[grid.heads()], 0, 1);
        }
        if (sizes.length == 3 && sizes[0] == grid.batch() && sizes[1] == queries && sizes[2] == keys) {
            return new TermView(keep, raw, offsets(grid.batch(), (long) queries * keys), new long[grid.heads()], keys,
                    1);
        }
        throw new CannotRun("its mask has sizes " + Arrays.toString(sizes));
    }

    private static long[] logits(Grid grid) {
        return switch (grid.rank()) {
            case 2 -> new long[] {grid.queries(), grid.keys()};
            case 3 -> new long[] {(long) grid.batch() * grid.heads(), grid.queries(), grid.keys()};
            default -> new long[] {grid.batch(), grid.heads(), grid.queries(), grid.keys()};
        };
    }

    /** Distances of a value for each dimension of what it is broadcast to. */
    private static long[] broadcast(RawTensor raw, long[] target) throws CannotRun {
        long[] strides = new long[target.length];
        long[] own = raw.strides();
        int shift = target.length - own.length;
        for (int i = 0; i < own.length; i++) {
            if (raw.sizes()[i] == 1) {
                continue;
            }
            if (i + shift < 0 || raw.sizes()[i] != target[i + shift]) {
                throw new CannotRun("its mask of sizes " + Arrays.toString(raw.sizes())
                        + " does not spread over logits of sizes " + Arrays.toString(target));
            }
            strides[i + shift] = own[i];
        }
        return strides;
    }

    private static long[] offsets(int count, long stride) {
        long[] offsets = new long[count];
        for (int i = 0; i < count; i++) {
            offsets[i] = i * stride;
        }
        return offsets;
    }

    boolean variesByRow() {
        return rowStride != 0;
    }

    boolean variesByBatch() {
        return Arrays.stream(batchOffsets).anyMatch(offset -> offset != batchOffsets[0]);
    }

    boolean variesByHead() {
        return Arrays.stream(headOffsets).anyMatch(offset -> offset != headOffsets[0]);
    }

    /**
     * Applies the mask to what is to be added to the logits of a query for some keys.
     *
     * @param row      what is to be added, from {@code start} on
     * @param replaced whether the logit itself no longer counts, only what is added; null where nobody asks
     */
    void apply(MaskSum.Keys run, float[] row, int start, boolean[] replaced) throws CannotRun {
        long at = batchOffsets[run.batch()] + headOffsets[run.head()] + run.query() * rowStride
                + run.from() * columnStride;
        int count = run.count();
        switch (term.kind()) {
            case ADD -> add(at, count, row, start);
            case KEEP, DROP -> {
                boolean hidden = term.kind() == MaskTerm.Kind.DROP;
                for (int j = 0; j < count; j++) {
                    if (raw.get(at + j * columnStride) != 0 == hidden) {
                        hide(start + j, row, replaced);
                    }
                }
            }
            case WHOLE_LAST_KEYS -> {
                // all keys are there
            }
            case LENGTHS, LAST_KEYS -> {
                double length = raw.get(at) + (term.kind() == MaskTerm.Kind.LAST_KEYS ? 1 : 0) - run.from();
                for (int j = (int) Math.max(0, Math.min(count, length)); j < count; j++) {
                    hide(start + j, row, replaced);
                }
            }
            default -> throw new IllegalStateException(term.toString());
        }
    }

    private void add(long at, int count, float[] row, int start) throws CannotRun {
        float factor = (float) term.factor();
        if (raw.kind() == ElementKind.FLOAT) {
            for (int j = 0; j < count; j++) {
                row[start + j] += factor * raw.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED,
                        at + j * columnStride);
            }
            return;
        }
        for (int j = 0; j < count; j++) {
            row[start + j] += factor * (float) raw.get(at + j * columnStride);
        }
    }

    private void hide(int place, float[] row, boolean[] replaced) {
        float fill = (float) term.fill();
        row[place] = term.added() ? row[place] + fill : fill;
        if (replaced != null && !term.added()) {
            replaced[place] = true;
        }
    }
}
