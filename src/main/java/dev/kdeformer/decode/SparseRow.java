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
import java.util.Arrays;
import java.util.List;

/** Approximate decoding of one row. Kept per thread; the parts of its work may be done by others. */
final class SparseRow {
    /** Leaves that one task scores or counts. */
    private static final int SCORED = 1024;

    /** Groups among those read that are asked how much summaries err. */
    private static final int ASKED = 32;

    /** What the summaries' own word counts for beside them. */
    private static final double PRIOR = 2;

    /** What errors that have nothing in common seem to have, as a part of their size over their number. */
    private static final double CHANCE = 0.5;

    /** Of so few that were asked, twice as much is put down to chance. */
    private static final double FEW = 4;

    /** Groups that could not show in the output are not asked. */
    private static final double LEAST_EXPECTED = 1e-20;

    /** Where the error is still predicted too large, so many times the groups are read, and these more. */
    private static final int GROWTH = 2;
    private static final int LEAST_MORE = 8;

    /** What is counted by summaries are exponents already. */
    private static final LogitScale EXPONENTS = new LogitScale(1, 1, 1);

    /** Groups that one task reads. */
    private static final int READ = 64;

    /**
     * What was done for a row.
     *
     * @param keys      keys read
     * @param bytes     bytes read as a part of all
     * @param predicted expected relative error
     * @param checked   squared relative error by the groups that were checked, which may be negative, or NaN
     */
    record Result(double keys, double bytes, double predicted, double checked) {
    }

    private final LeafScores scores = new LeafScores();
    private final UnreadLeaves unread = new UnreadLeaves();
    private float[] query = new float[0];
    private float[] scaled = new float[0];
    private float[] moved = new float[0];
    private double[] variances = new double[0];
    private int[] firstLeaf = new int[1];
    private int[] read = new int[0];
    private int readCount;
    private DecodeCall call;
    private List<Region> regions;
    private int unit;
    private int row;
    private int leaves;
    private double valueSpread;

    /** A thread's buffer of logits. */
    private static final class Logits {
        private final float[] floats = new float[GROUP];
    }

    Result run(DecodeCall newCall, SparseDecoding options, int newUnit, int newRow, Team team, CounterRandom random) {
        call = newCall;
        regions = call.regions();
        unit = newUnit;
        row = newRow;
        begin();
        score(team);
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        long stateBytes = DecodeTile.stateBytes(call.store().dv());
        int slices = Math.ceilDiv(leaves, SCORED);
        long states = scratch.allocate((1 + slices + Math.ceilDiv(leaves, READ)) * stateBytes);
        readTail(states, scratch);
        int most = affordable(options);
        int wanted = options.target() > 0 && most > 0
                ? Math.min(most, scores.needed(allowed(options.target(), states))) : most;
        double total;
        double norm;
        double predicted;
        while (true) {
            choose(wanted);
            int reads = Math.ceilDiv(readCount, READ);
            team.forEach(reads, (slice, memory) -> read(slice * READ, states + (1 + slice) * stateBytes, memory));
            team.forEach(slices, (slice, memory) -> countRest(slice * SCORED,
                    states + (1 + reads + slice) * stateBytes, memory));
            total = call.write(unit, row, states, 1 + reads + slices, stateBytes);
            predicted = 0;
            if (leaves > 0) {
                unread.look(call, unit, query, regions, variances, firstLeaf, scores, read, readCount, total, moved);
                call.addToOutput(unit, row, moved);
                predicted = predict(total, scratch);
            }
            norm = call.outputNorm(unit, row);
            if (options.target() == 0 || wanted >= most || ratio(predicted, norm) <= options.target()) {
                break;
            }
            wanted = (int) Math.min(most, GROWTH * (long) wanted + LEAST_MORE);
        }
        double checked = options.checks() == 0 ? Double.NaN : check(options, total, norm, random, scratch);
        scratch.release(mark);
        return new Result(keys(), bytes(options), ratio(predicted, norm), checked);
    }

    private void begin() {
        int d = call.store().d();
        if (query.length < d) {
            query = new float[d];
            scaled = new float[d];
        }
        call.readQuery(unit, row, query, 0);
        float power = call.logitScale().power();
        for (int c = 0; c < d; c++) {
            scaled[c] = query[c] * power;
        }
        firstLeaf = firstLeaf.length < regions.size() + 1 ? new int[regions.size() + 1] : firstLeaf;
        leaves = 0;
        valueSpread = 0;
        for (int r = 0; r < regions.size(); r++) {
            firstLeaf[r] = leaves;
            leaves += regions.get(r).padded();
            valueSpread = Math.max(valueSpread, regions.get(r).valueSpread(unit));
        }
        firstLeaf[regions.size()] = leaves;
        variances = variances.length < regions.size() ? new double[regions.size()] : variances;
        moved = moved.length < call.store().valueStride() ? new float[call.store().valueStride()] : moved;
        scores.resize(leaves);
        read = read.length < leaves ? new int[leaves] : read;
    }

    private void score(Team team) {
        LogitScale logitScale = call.logitScale();
        int d = call.store().d();
        for (int r = 0; r < regions.size(); r++) {
            Region region = regions.get(r);
            int at = firstLeaf[r];
            double variance = (double) call.scale() * call.scale() * region.squaredLength(unit, query);
            variances[r] = variance;
            team.forEach(Math.ceilDiv(region.padded(), SCORED), (slice, scratch) -> scores.add(region, unit,
                    slice * SCORED, Math.min(region.padded(), (slice + 1) * SCORED), at, scaled, d,
                    logitScale.factor(), variance, scratch.keep(Logits.class, Logits::new).floats));
        }
    }

    private void readTail(long state, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        KeyRanges seen = scratch.keep(KeyRanges.class, KeyRanges::new);
        call.begin(tile, unit, row, 1);
        call.ranges(unit, row, 1, seen);
        call.add(tile, unit, seen, call.firstUnsorted(), call.groups());
        tile.store(state);
    }

    /** How many leaves the budget allows to read. */
    private int affordable(SparseDecoding options) {
        double cacheBytes = call.length() * rowFloats();
        double spare = options.budget() * cacheBytes - summaryFloats()
                - (call.length() - sorted()) * rowFloats();
        return (int) Math.max(0, Math.min(leaves, spare / (GROUP * rowFloats())));
    }

    /** Chooses the leaves to read, those with the largest scores. */
    private void choose(int wanted) {
        float threshold = scores.threshold(wanted);
        readCount = 0;
        float[] score = scores.score();
        for (int leaf = 0; leaf < leaves && wanted > 0; leaf++) {
            if (score[leaf] > threshold) {
                read[readCount++] = leaf;
            }
        }
        int above = readCount;
        for (int leaf = 0; leaf < leaves && readCount < wanted; leaf++) {
            if (score[leaf] == threshold && threshold > Float.NEGATIVE_INFINITY) {
                read[readCount++] = leaf;
            }
        }
        if (readCount > above) {
            Arrays.sort(read, 0, readCount);
        }
    }

    /** The largest sum of the roots of scores that keeps the error within the target, judged by the summaries alone. */
    private double allowed(double target, long tail) {
        PartialRows state = PartialRows.at(tail, call.store().dv());
        double top = state.sum(0) > 0 ? state.reference(0) : Double.NEGATIVE_INFINITY;
        float[] mass = scores.mass();
        for (int leaf = 0; leaf < leaves; leaf++) {
            top = Math.max(top, mass[leaf]);
        }
        int dv = call.store().dv();
        double by = state.sum(0) > 0 ? Math.pow(2, state.reference(0) - top) : 0;
        double sum = state.sum(0) * by;
        double[] values = new double[dv];
        for (int c = 0; c < dv; c++) {
            values[c] = state.value(0, c) * by;
        }
        for (int r = 0; r < regions.size(); r++) {
            for (int leaf = 0; leaf < regions.get(r).leaves(); leaf++) {
                double weight = Math.pow(2, mass[firstLeaf[r] + leaf] - top);
                sum += weight;
                long value = regions.get(r).meanValue(unit, leaf);
                for (int c = 0; c < dv && weight > 1e-6; c++) {
                    values[c] += weight * Memory.getFloat(value + c * 4L);
                }
            }
        }
        double squares = 0;
        for (double each : values) {
            squares += each * each;
        }
        // target · ‖values‖ / √spread, both relative to the same top
        return top + log2(target * Math.sqrt(squares / Math.max(valueSpread, 1e-30)));
    }

    private void read(int from, long state, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        call.begin(tile, unit, row, 1);
        for (int i = from; i < Math.min(readCount, from + READ); i++) {
            put(tile, read[i]);
        }
        tile.flush();
        tile.store(state);
    }

    private void put(DecodeTile tile, int leaf) {
        int r = region(leaf);
        int group = regions.get(r).first() / GROUP + leaf - firstLeaf[r];
        tile.put(call.store().keys(unit, group), call.store().values(unit, group), call.store().scales(unit, group),
                group * GROUP);
    }

    private int region(int leaf) {
        int r = 0;
        while (firstLeaf[r + 1] <= leaf) {
            r++;
        }
        return r;
    }

    /** Counts the leaves of [from, from + SCORED) that are not read by their summaries. */
    private void countRest(int from, long state, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        tile.begin(1, new GroupLayout(1, call.store().d(), call.store().dv()), EXPONENTS);
        float[] logits = scratch.keep(Logits.class, Logits::new).floats;
        int next = Arrays.binarySearch(read, 0, readCount, from);
        next = next < 0 ? -next - 1 : next;
        for (int leaf = from; leaf < Math.min(leaves, from + SCORED); leaf += GROUP) {
            System.arraycopy(scores.mass(), leaf, logits, 0, GROUP);
            for (; next < readCount && read[next] < leaf + GROUP; next++) {
                logits[read[next] - leaf] = Float.NEGATIVE_INFINITY;
            }
            int r = region(leaf);
            tile.putLogits(logits, 0, regions.get(r).meanValue(unit, leaf - firstLeaf[r]));
        }
        tile.flush();
        tile.store(state);
    }

    /** The sum of 2^(factor · exponent) over all leaves that were not read, relative to an exponent. */
    private double unread(float[] exponents, int factor, double reference) {
        double sum = 0;
        int next = 0;
        for (int leaf = 0; leaf < leaves; leaf++) {
            if (next < readCount && read[next] == leaf) {
                next++;
            } else {
                sum += power(factor * exponents[leaf] - reference);
            }
        }
        return sum;
    }

    private static double power(double exponent) {
        return exponent > -60 ? Math.pow(2, exponent) : 0;
    }

    private boolean isWild(int leaf) {
        int r = region(leaf);
        return Memory.getFloat(regions.get(r).spreads(unit) + (leaf - firstLeaf[r]) * 4L) * variances[r]
                > LeafScores.NORMAL_VARIANCE;
    }

    /**
     * The error to be expected of the leaves that were not read. What summaries say of it is right up to a factor,
     * which the leaves that were read tell, because what their summaries would have got wrong is known: how large their
     * errors are, and how much of them points the same way and so adds up instead of averaging out. Some of them,
     * spread over all that were read, are asked. Leaves whose largest key decides are reckoned apart.
     */
    private double predict(double total, Scratch scratch) {
        double spread = Math.max(valueSpread, 1e-30);
        double[] sum = new double[call.store().dv()];
        double[] error = new double[sum.length];
        double squares = 0;
        int asked = 0;
        for (int i = 0; i < Math.min(ASKED, readCount); i++) {
            int leaf = read[(int) ((long) i * readCount / Math.min(ASKED, readCount))];
            double expected = Math.pow(2, scores.score()[leaf] / 2.0 - total) * Math.sqrt(spread);
            if (!(expected > LEAST_EXPECTED) || isWild(leaf)) {
                continue;
            }
            error(leaf, total, error, scratch);
            for (int c = 0; c < sum.length; c++) {
                double x = error[c] / expected;
                sum[c] += x;
                squares += x * x;
            }
            asked++;
        }
        double pairs = -squares;
        for (double each : sum) {
            pairs += each * each;
        }
        // Before anything is known a leaf errs as its summary says.
        double size = (squares + PRIOR) / (asked + PRIOR);
        // Less what pairs of errors in all directions may come to by chance.
        double common = asked < 2 ? 0 : Math.max(0, pairs / ((double) asked * (asked - 1))
                - CHANCE * size * (1 + FEW / asked) / asked);
        double all = unread.errors();
        // Where one key takes over, its value and the one before lie apart by the spread of both.
        return Math.sqrt(spread * (size * unread.squaredErrors() + common * all * all
                + 2 * Math.min(1, unread.wildErrors())));
    }

    /**
     * The squared relative error by a sample of the leaves that were not read: with e the true contribution of a leaf
     * to the error and p its chance, x = e/p has the error as its mean, and the mean of xᵢ·xⱼ over all pairs of
     * different draws is an unbiased estimate of its square (a U-statistic), which may be negative. Half the chances go
     * by the expected error and half by the squared mass, so that a leaf whose spread says too little is found as well.
     */
    private double check(SparseDecoding options, double total, double norm, CounterRandom random, Scratch scratch) {
        float[] score = scores.score();
        float[] mass = scores.mass();
        double errors = unread(score, 1, 2 * total);
        double masses = unread(mass, 2, 2 * total);
        if (!(errors > 0 && masses > 0)) {
            return 0;
        }
        double[] chances = new double[options.checks()];
        for (int i = 0; i < chances.length; i++) {
            chances[i] = random.uniform(i);
        }
        Arrays.sort(chances);
        double[] sum = new double[call.store().dv()];
        double[] error = new double[sum.length];
        double squares = 0;
        double reached = 0;
        int next = 0;
        int drawn = 0;
        for (int leaf = 0; leaf < leaves && drawn < chances.length; leaf++) {
            if (next < readCount && read[next] == leaf) {
                next++;
                continue;
            }
            double chance = 0.5 * (power(score[leaf] - 2 * total) / errors
                    + power(2 * mass[leaf] - 2 * total) / masses);
            reached += chance;
            int times = 0;
            while (drawn < chances.length && chances[drawn] < reached) {
                drawn++;
                times++;
            }
            if (times > 0) {
                error(leaf, total, error, scratch);
                for (int c = 0; c < sum.length; c++) {
                    double x = error[c] / chance;
                    sum[c] += times * x;
                    squares += times * x * x;
                }
            }
        }
        if (drawn < 2) {
            return 0; // rounding has kept the chances from reaching the last draws
        }
        double pairs = -squares;
        for (double each : sum) {
            pairs += each * each;
        }
        return ratio(pairs / ((double) drawn * (drawn - 1)), norm * norm);
    }

    /** Σ p (v − o) − p̄ (v̄ − o) of a leaf, with weights p by its keys and p̄ and v̄ by its summary. */
    private void error(int leaf, double total, double[] error, Scratch scratch) {
        DecodeTile tile = scratch.keep(DecodeTile.class, DecodeTile::new);
        call.begin(tile, unit, row, 1);
        put(tile, leaf);
        tile.flush();
        int dv = call.store().dv();
        float[] o = new float[dv];
        call.readOutput(unit, row, o);
        double by = Math.pow(2, tile.reference(0) - total);
        double mass = tile.sum(0) * by;
        double expected = Math.pow(2, scores.mass()[leaf] - total);
        int r = region(leaf);
        long mean = regions.get(r).meanValue(unit, leaf - firstLeaf[r]);
        double move = UnreadLeaves.moved(Memory.getFloat(regions.get(r).spreads(unit) + (leaf - firstLeaf[r]) * 4L),
                variances[r]);
        // A leaf that outweighs all that was thought to be there takes the output over, and not many times so.
        double whole = Math.max(1, mass);
        for (int c = 0; c < dv; c++) {
            error[c] = (tile.values()[c] * by - mass * o[c]
                    - expected * (Memory.getFloat(mean + c * 4L) + move * unread.move(r)[c] - o[c])) / whole;
        }
    }

    private int sorted() {
        return call.firstUnsorted() * GROUP;
    }

    private double rowFloats() {
        return call.store().rowBytes() / Float.BYTES;
    }

    private double summaryFloats() {
        return leaves * (call.store().d() + call.store().valueStride() + 2.0)
                + (double) regions.size() * call.store().d() * call.store().valueStride();
    }

    private double keys() {
        return (double) readCount * GROUP + call.length() - sorted();
    }

    private double bytes(SparseDecoding options) {
        double floats = (keys() + (double) options.checks() * GROUP) * rowFloats() + summaryFloats();
        return call.length() == 0 ? 0 : floats / (call.length() * rowFloats());
    }

    private static double log2(double x) {
        return Math.log(x) / Math.log(2);
    }

    private static double ratio(double error, double norm) {
        return error == 0 ? 0 : error / norm;
    }
}
