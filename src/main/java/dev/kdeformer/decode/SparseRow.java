package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.DecodeTile;
import dev.kdeformer.kernel.GroupLayout;
import dev.kdeformer.kernel.KeyRanges;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** Approximate decoding of one row. Kept per thread; the parts of its work may be done by others. */
final class SparseRow {
    /** Leaves that one task counts. */
    private static final int COUNTED = 1024;

    /** Groups that one task reads, and groups that one task of an exact row reads. */
    private static final int READ = 64;

    /** Where the error is still predicted too large, so many times the groups are read, and these more. */
    private static final int GROWTH = 2;
    private static final int LEAST_MORE = 8;

    /** Groups that are drawn to see whether a row may stop. */
    private static final int DRAWN = 32;

    /** What is counted by summaries are exponents already. */
    private static final LogitScale EXPONENTS = new LogitScale(1, 1, 1);

    /** Leaves of less weight beside the largest do not show in a mean. */
    private static final double LEAST_WEIGHT = 1e-6;

    private static final double LEAST_SPREAD = 1e-30;

    /**
     * What was done for a row.
     *
     * @param keys      keys read
     * @param bytes     bytes read as a part of all
     * @param predicted expected relative error
     * @param checked   relative error, or NaN if the row was not checked
     */
    record Result(double keys, double bytes, double predicted, double checked) {
    }

    private final RowLeaves leaves = new RowLeaves();
    private final UnreadLeaves unread = new UnreadLeaves();
    private final LeafErrors errors = new LeafErrors(leaves, unread);
    private float[] moved = new float[0];
    private DecodeCall call;
    private int unit;
    private int row;
    private double total;

    /** A thread's buffer of logits. */
    private static final class Logits {
        private final float[] floats = new float[GROUP];
    }

    /**
     * Decodes a row.
     *
     * @param check whether to decode it exactly as well; with a target, the exact row is kept where it was missed
     */
    Result run(DecodeCall newCall, SparseDecoding options, int newUnit, int newRow, Team team, boolean check) {
        call = newCall;
        unit = newUnit;
        row = newRow;
        leaves.begin(call, unit, row, team);
        errors.begin();
        moved = moved.length < call.store().valueStride() ? new float[call.store().valueStride()] : moved;
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        long states = scratch.allocate((1 + Math.ceilDiv(leaves.count(), COUNTED)
                + Math.ceilDiv(leaves.count(), READ)) * DecodeTile.stateBytes(call.store().dv()));
        readTail(states, scratch);
        double predicted = options.target() > 0 ? reach(options, states, team)
                : spend(affordable(options), states, team);
        scratch.release(mark);
        double checked = check ? check(options.target(), team) : Double.NaN;
        return new Result(keys(), bytes(check), predicted, checked);
    }

    /** Reads until the target is reached, as far as the budget goes. */
    private double reach(SparseDecoding options, long states, Team team) {
        leaves.rank(PartialRows.at(states, call.store().dv()));
        int affordable = affordable(options);
        // What is drawn counts as read where there is not enough for all; what is then left is read in the end.
        int most = affordable == leaves.count() ? affordable : Math.max(0, affordable - DRAWN);
        int wanted = most == 0 ? 0 : Math.min(most, leaves.scores().needed(allowed(options.target(), states)));
        CounterRandom random = CounterRandom.of(options.seed()).stream(call.length(), unit, row);
        while (true) {
            double predicted = spend(wanted, states, team);
            if (wanted >= most) {
                int left = affordable - errors.draws();
                return predicted <= options.target() || left <= wanted ? predicted : spend(left, states, team);
            }
            if (predicted <= options.target()) {
                double sampled = relative(errors.sampled(total, DRAWN, random.stream(wanted), team.scratch()));
                if (sampled <= options.target()) {
                    return Math.max(predicted, sampled);
                }
            }
            wanted = (int) Math.min(most, GROWTH * (long) wanted + LEAST_MORE);
        }
    }

    /** Reads so many leaves, counts the others and writes the row; the relative error to be expected. */
    private double spend(int wanted, long states, Team team) {
        long stateBytes = DecodeTile.stateBytes(call.store().dv());
        int slices = Math.ceilDiv(leaves.count(), COUNTED);
        leaves.choose(wanted);
        int reads = Math.ceilDiv(leaves.readCount(), READ);
        team.forEach(reads, (slice, memory) -> read(slice * READ, states + (1 + slice) * stateBytes, memory));
        team.forEach(slices, (slice, memory) -> countRest(slice * COUNTED,
                states + (1 + reads + slice) * stateBytes, memory));
        total = call.write(unit, row, states, 1 + reads + slices, stateBytes);
        if (leaves.count() == 0) {
            return 0;
        }
        unread.look(leaves, total, moved);
        call.addToOutput(unit, row, moved);
        return relative(errors.predicted(total, team.scratch()));
    }

    /** An error relative to the exact output, which is as far from the row that was written as the error is large. */
    private double relative(double error) {
        return error == 0 ? 0 : error / Math.hypot(call.outputNorm(unit, row), error);
    }

    /** Decodes the row exactly and compares. */
    private double check(double target, Team team) {
        int dv = call.store().dv();
        float[] close = new float[dv];
        call.readOutput(unit, row, close);
        float closeSum = call.logSumExp(unit, row);
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        long stateBytes = DecodeTile.stateBytes(dv);
        int parts = Math.max(1, Math.ceilDiv(call.groups(), READ));
        long states = scratch.allocate(parts * stateBytes);
        team.forEach(parts, (part, memory) -> readRange(part * READ, Math.min(call.groups(), (part + 1) * READ),
                states + part * stateBytes, memory));
        call.write(unit, row, states, parts, stateBytes);
        scratch.release(mark);
        float[] exact = new float[dv];
        call.readOutput(unit, row, exact);
        double difference = 0;
        for (int c = 0; c < dv; c++) {
            difference += Math.pow((double) close[c] - exact[c], 2);
        }
        double norm = call.outputNorm(unit, row);
        double error = difference == 0 ? 0 : Math.sqrt(difference) / norm;
        if (target == 0 || error <= target) {
            call.writeRow(unit, row, close, closeSum);
        }
        return error;
    }

    private void readTail(long state, Scratch scratch) {
        readRange(call.firstUnsorted(), call.groups(), state, scratch);
    }

    private void readRange(int from, int to, long state, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        KeyRanges seen = scratch.keep(KeyRanges.class, KeyRanges::new);
        call.begin(tile, unit, row, 1);
        call.ranges(unit, row, 1, seen);
        call.add(tile, unit, seen, from, to);
        tile.store(state);
    }

    /** How many leaves the budget allows to read. A budget of everything pays for the summaries as well. */
    private int affordable(SparseDecoding options) {
        if (options.budget() == 1) {
            return leaves.count();
        }
        double cacheBytes = call.length() * rowFloats();
        double spare = options.budget() * cacheBytes - summaryFloats()
                - (call.length() - sorted()) * rowFloats();
        return (int) Math.max(0, Math.min(leaves.count(), spare / (GROUP * rowFloats())));
    }

    /** The largest sum of the roots of scores that keeps the error within the target, judged by the summaries alone. */
    private double allowed(double target, long tail) {
        PartialRows state = PartialRows.at(tail, call.store().dv());
        double top = leaves.top(state);
        float[] mass = leaves.scores().mass();
        int dv = call.store().dv();
        double by = state.sum(0) > 0 ? Math.pow(2, state.reference(0) - top) : 0;
        double sum = state.sum(0) * by;
        double[] values = new double[dv];
        for (int c = 0; c < dv; c++) {
            values[c] = state.value(0, c) * by;
        }
        for (int leaf = 0; leaf < leaves.count(); leaf++) {
            double weight = Math.pow(2, mass[leaf] - top);
            sum += weight;
            if (weight > LEAST_WEIGHT) {
                long value = leaves.meanValue(leaf);
                for (int c = 0; c < dv; c++) {
                    values[c] += weight * Memory.getFloat(value + c * 4L);
                }
            }
        }
        double squares = 0;
        for (double each : values) {
            squares += each * each;
        }
        // target · ‖values‖ / √spread, both relative to the same top
        return top + RowLeaves.log2(target * Math.sqrt(squares / Math.max(leaves.valueSpread(), LEAST_SPREAD)));
    }

    private void read(int from, long state, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        call.begin(tile, unit, row, 1);
        for (int i = from; i < Math.min(leaves.readCount(), from + READ); i++) {
            leaves.put(tile, leaves.read(i));
        }
        tile.flush();
        tile.store(state);
    }

    /** Counts the leaves of [from, from + COUNTED) that are not read by their summaries. */
    private void countRest(int from, long state, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        tile.begin(1, new GroupLayout(1, call.store().d(), call.store().dv()), EXPONENTS);
        float[] logits = scratch.keep(Logits.class, Logits::new).floats;
        int next = leaves.readBefore(from);
        for (int leaf = from; leaf < Math.min(leaves.count(), from + COUNTED); leaf += GROUP) {
            System.arraycopy(leaves.scores().mass(), leaf, logits, 0, GROUP);
            for (; next < leaves.readCount() && leaves.read(next) < leaf + GROUP; next++) {
                logits[leaves.read(next) - leaf] = Float.NEGATIVE_INFINITY;
            }
            tile.putLogits(logits, 0, leaves.meanValue(leaf));
        }
        tile.flush();
        tile.store(state);
    }

    private int sorted() {
        return call.firstUnsorted() * GROUP;
    }

    private double rowFloats() {
        return call.store().rowBytes() / Float.BYTES;
    }

    private double summaryFloats() {
        return leaves.count() * (call.store().d() + call.store().valueStride() + 2.0)
                + (double) call.regions().size() * call.store().d() * call.store().valueStride();
    }

    private double keys() {
        return (double) leaves.readCount() * GROUP + call.length() - sorted();
    }

    private double bytes(boolean checked) {
        double read = keys() + (double) errors.draws() * GROUP + (checked ? call.length() : 0);
        return call.length() == 0 ? 0 : (read * rowFloats() + summaryFloats()) / (call.length() * rowFloats());
    }
}
