package dev.kdeformer.onnx.run;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.PairBias;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.onnx.match.MaskTerm;
import dev.kdeformer.onnx.match.Operand;
import dev.kdeformer.onnx.match.Site;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Computes attentions of a model here, on the values of a run. */
final class SiteRunner implements AutoCloseable {
    private static final AttentionMethod EXACT = ExactAttention.builder().build();
    /** The largest cap or sink that the engine takes. */
    private static final float LARGEST = 1e30f;
    /** A sink that takes all of the weight where every key is hidden. */
    private static final float LEAST_BESIDE_NOTHING = -RowScan.HIDDEN / 2;

    private final OrtEnvironment environment;
    private final Engine engine;
    private final OutputPool outputs = new OutputPool();

    SiteRunner(OrtEnvironment environment, Engine engine) {
        this.environment = environment;
        this.engine = engine;
    }

    /**
     * What was computed.
     *
     * @param output  the value of the graph
     * @param tensor  the same as (batch, heads, n, d_v)
     * @param mask    what its masks came to
     * @param note    why the method was not the one that was asked for, as a clause, or the empty string
     * @param nanos   how long the method took
     */
    record Computed(Held output, AttentionInput input, Tensor tensor, MaskForm mask,
            AttentionMethod.Statistics statistics, String note, long nanos) {
    }

    /**
     * Computes an attention.
     *
     * @param values what the model has computed so far
     * @param masks  forms of masks that were read in this run already; receives this one's
     * @param arena  for what has to live as long as the attention is computed and observed
     * @throws CannotRun if ONNX Runtime has to compute it
     */
    Computed compute(Site site, Map<String, Held> values, AttentionMethod method, MaskCache masks, LateArena arena)
            throws CannotRun, OrtException {
        HeadView query = HeadView.of(site.ends().query(), PartRunner.read(values, site.ends().query().value()).raw());
        HeadView key = HeadView.of(site.ends().key(), PartRunner.read(values, site.ends().key().value()).raw());
        HeadView value = HeadView.of(site.ends().value(), PartRunner.read(values, site.ends().value().value()).raw());
        Grid grid = grid(site, query, key, values);
        if (site.softmax().axis() >= 0 && site.softmax().axis() != grid.rank() - 1) {
            throw new CannotRun("its softmax is over axis " + site.softmax().axis() + " of " + grid.rank());
        }
        if (value.rows() != key.rows() || query.columns() != key.columns()) {
            throw new CannotRun("its operands do not fit together");
        }
        int kvHeads = kvHeads(grid, key, value);
        MaskForm mask = masks.form(site, grid, name -> PartRunner.read(values, name).raw());
        AttentionInput input = AttentionInput.of(query.tensor(grid, grid.heads()), key.tensor(grid, kvHeads),
                value.tensor(grid, kvHeads)).withScale(scale(site, query, values)).withMask(mask.mask());
        if (mask.bias() != null) {
            Tensor bias = Tensor.copyOf(arena.open(), Shape.of(mask.bias().batch(), mask.bias().heads(), 1,
                    grid.keys()), mask.bias().numbers());
            // Query heads that share keys and not their biases have them as pairs.
            input = mask.bias().heads() == 1 || kvHeads == grid.heads() ? input.withKeyBias(bias)
                    : input.withPairBias(PairBias.of(bias));
        }
        if (mask.pairs() != null) {
            input = input.withPairBias(mask.pairs());
        }
        if (site.logits().cap() != 0) {
            input = input.withSoftCap(cap(site));
        }
        if (!site.softmax().sinks().isEmpty()) {
            input = input.withSinks(sinks(PartRunner.read(values, site.softmax().sinks()).raw(), grid, mask));
        }
        long[] sizes = resultSizes(site.ends().result(), grid, value.columns());
        Held output = Held.allocate(environment, outputs, sizes);
        try {
            Tensor tensor = HeadView.of(site.ends().result(), output.raw().data(), sizes).tensor(grid, grid.heads());
            return apply(method, input, output, tensor, mask, site.softmax().guarded());
        } catch (CannotRun | RuntimeException | Error e) {
            output.close();
            throw e;
        }
    }

    private Computed apply(AttentionMethod method, AttentionInput input, Held output, Tensor tensor, MaskForm mask,
            boolean guarded) throws CannotRun {
        String note = "";
        AttentionMethod.Statistics statistics;
        long start = System.nanoTime();
        try {
            statistics = method.apply(engine, input, tensor);
        } catch (IllegalArgumentException e) {
            note = method.name() + " cannot: " + e.getMessage();
            try {
                start = System.nanoTime();
                statistics = EXACT.apply(engine, input, tensor);
            } catch (IllegalArgumentException exact) {
                throw new CannotRun(exact.getMessage());
            }
        }
        SpecialRows.write(mask.special(), input, tensor, guarded);
        return new Computed(output, input, tensor, mask, statistics, note, System.nanoTime() - start);
    }

    /** Frees the memory that is kept for outputs. */
    @Override
    public void close() {
        outputs.close();
    }

    private static Grid grid(Site site, HeadView query, HeadView key, Map<String, Held> values) throws CannotRun {
        long[] folding = null;
        for (String shape : site.logits().shapes()) {
            long[] sizes = MaskCache.whole(PartRunner.read(values, shape).raw());
            folding = folding == null && sizes.length > 3 ? sizes : folding;
        }
        return Grid.of(query, key, folding);
    }

    private static int kvHeads(Grid grid, HeadView key, HeadView value) throws CannotRun {
        if (grid.folded()) {
            return grid.heads();
        }
        long ofKeys = key.lead().length == 0 ? 1 : key.lead()[key.lead().length - 1];
        long ofValues = value.lead().length == 0 ? 1 : value.lead()[value.lead().length - 1];
        long heads = Math.max(ofKeys, ofValues);
        if (ofKeys != heads && ofKeys != 1 || ofValues != heads && ofValues != 1 || grid.heads() % heads != 0) {
            throw new CannotRun("it has " + ofKeys + " key heads and " + ofValues + " value heads for "
                    + grid.heads() + " query heads");
        }
        return (int) heads;
    }

    private static float scale(Site site, HeadView query, Map<String, Held> values) throws CannotRun {
        double scale = Double.isNaN(site.logits().scale()) ? 1 / Math.sqrt(query.columns()) : site.logits().scale();
        for (Site.Factor factor : site.logits().factors()) {
            RawTensor raw = PartRunner.read(values, factor.value()).raw();
            if (raw.elements() != 1) {
                throw new CannotRun("its logits are scaled by more than one number");
            }
            scale = factor.divides() ? scale / raw.get(0) : scale * raw.get(0);
        }
        if (!Float.isFinite((float) scale)) {
            throw new CannotRun("its scale is " + scale);
        }
        return (float) scale;
    }

    /** The cap, whose sign the scale has taken. */
    private static float cap(Site site) throws CannotRun {
        float cap = (float) Math.abs(site.logits().cap());
        if (!(cap > 0 && cap <= LARGEST)) {
            throw new CannotRun("its logits are capped at " + site.logits().cap());
        }
        return cap;
    }

    private static float[] sinks(RawTensor raw, Grid grid, MaskForm mask) throws CannotRun {
        if (mask.shifts()) {
            throw new CannotRun("it has sinks and a bias beside which they count");
        }
        float[] sinks = raw.sizes().length > 1 ? column(raw, grid) : list(raw, grid);
        for (float sink : sinks) {
            if (!(Math.abs(sink) <= LARGEST) || !mask.special().isEmpty() && sink < LEAST_BESIDE_NOTHING) {
                throw new CannotRun("it has a sink of " + sink);
            }
        }
        return sinks;
    }

    /** Sinks that are a list, one for each head. */
    private static float[] list(RawTensor raw, Grid grid) throws CannotRun {
        if (raw.elements() != grid.heads()) {
            throw new CannotRun("it has " + raw.elements() + " sinks for " + grid.heads() + " heads");
        }
        float[] sinks = new float[grid.heads()];
        for (int h = 0; h < sinks.length; h++) {
            sinks[h] = (float) raw.get(h);
        }
        return sinks;
    }

    /** Sinks that are written out as a column of logits: one for each head if all its queries have the same. */
    private static float[] column(RawTensor raw, Grid grid) throws CannotRun {
        Grid single = new Grid(grid.batch(), grid.heads(), grid.queries(), 1, grid.lead(), grid.folded());
        TermView view = TermView.of(MaskTerm.add("", ""), raw, single, shape -> null);
        float[] sinks = new float[grid.heads()];
        float[] one = new float[1];
        int rows = view.variesByRow() ? grid.queries() : 1;
        for (int b = 0; b < grid.batch(); b++) {
            for (int h = 0; h < sinks.length; h++) {
                for (int i = 0; i < rows; i++) {
                    one[0] = 0;
                    view.apply(new MaskSum.Keys(b, h, i, 0, 1), one, 0, null);
                    if (b + i > 0 && one[0] != sinks[h]) {
                        throw new CannotRun("its sinks differ between queries");
                    }
                    sinks[h] = one[0];
                }
            }
        }
        return sinks;
    }

    /** The dimensions of the value that the attention makes. */
    private static long[] resultSizes(Operand result, Grid grid, long columns) {
        if (result.split() > 0) {
            return new long[] {grid.batch(), grid.queries(), grid.heads() * columns};
        }
        List<Long> logical = new ArrayList<>();
        for (long size : grid.lead()) {
            logical.add(size);
        }
        logical.add((long) grid.queries());
        logical.add(columns);
        int[] order = result.order(logical.size());
        long[] sizes = new long[order.length];
        for (int i = 0; i < order.length; i++) {
            sizes[order[i]] = logical.get(i);
        }
        return sizes;
    }
}
