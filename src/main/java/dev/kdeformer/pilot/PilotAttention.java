package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.MethodBase;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.DoubleAdder;

/** Pilot attention at a fixed cost. */
public final class PilotAttention extends MethodBase {
    private final Builder options;

    private PilotAttention(Builder options) {
        this.options = options;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public String name() {
        return "pilot";
    }

    @Override
    public Map<String, Object> parameters() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("near", options.near);
        map.put("threshold", options.threshold);
        map.put("candidates", options.candidates);
        map.put("groups", options.groups);
        map.put("rank", options.rank);
        map.put("middle", options.middle);
        map.put("tile", options.tile);
        map.put("seed", options.seed);
        return map;
    }

    int rank() {
        return options.rank;
    }

    int middle() {
        return options.middle;
    }

    /** Most queries in a leaf: splitting in halves ends at tiles between half of this and this. */
    int largestTile() {
        return Math.min(QueryTile.ROWS, options.tile * 7 / 5);
    }

    @Override
    protected void checkSupported(AttentionInput input) {
        if (input.mask().isCausal()) {
            throw new IllegalArgumentException("pilot attention cannot do a causal mask, got " + input.mask());
        }
    }

    @Override
    protected Statistics run(Call call) {
        AttentionInput input = call.input();
        if (input.d() > Lanes.DEPTH) {
            throw new IllegalArgumentException("pilot attention takes at most " + Lanes.DEPTH
                    + " features, got d = " + input.d());
        }
        Effort effort = options.near > 0 ? Effort.fixed(options.candidates, options.near)
                : Effort.adaptive(options.candidates, options.threshold);
        DoubleAdder work = new DoubleAdder();
        call.team().expect((long) call.keyHeads() * input.groupSize() * input.queries());
        int units = call.keyHeads();
        if (units >= call.team().threads()) {
            call.team().forEach(units, (unit, scratch) -> work.add(attend(call, unit, effort,
                    call.team().alone(scratch))));
        } else {
            for (int unit = 0; unit < units; unit++) {
                work.add(attend(call, unit, effort, call.team()));
            }
        }
        double queries = (double) input.batch() * input.heads() * input.queries();
        return new Statistics(work.sum() / queries / (2.0 * (input.d() + input.dv())), "");
    }

    private double attend(Call call, int unit, Effort effort, Team team) {
        KeyHead head = call.keyHead(unit);
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        double work = 0;
        KeyGroups keys = null;
        for (int member = 0; member < head.groupSize(); member++) {
            Rows queries = scaled(head.query(member), call.input().scale(), team);
            if (keys == null) {
                keys = KeyGroups.of(head, queries, options.groups, team);
            }
            if (keys == null) {
                nothing(head, member);
                continue;
            }
            work += new PilotHead(head, member, this, keys, queries, team)
                    .run(effort, team);
        }
        scratch.release(mark);
        return work;
    }

    private static Rows scaled(Matrix query, float scale, Team team) {
        Rows rows = Rows.allocate(team.scratch(), query.rows(), query.columns());
        int chunk = 4096;
        team.forEach((query.rows() + chunk - 1) / chunk, (index, scratch) -> {
            float[] row = new float[query.columns()];
            for (int i = index * chunk; i < Math.min(query.rows(), (index + 1) * chunk); i++) {
                query.readRow(i, row, 0);
                for (int c = 0; c < row.length; c++) {
                    row[c] *= scale;
                }
                rows.write(i, row, 0);
            }
        });
        return rows;
    }

    private static void nothing(KeyHead head, int member) {
        Matrix output = head.output(member);
        float[] zeros = new float[output.columns()];
        for (int i = 0; i < output.rows(); i++) {
            output.writeRow(i, zeros, 0);
            if (head.logSumExp(member) != null) {
                head.logSumExp(member).set(i, 0, Float.NEGATIVE_INFINITY);
            }
        }
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        long perHead = KeyGroups.bytes(input.keys(), input.d(), input.dv())
                + 3L * input.groupSize() * Rows.bytes(input.queries(), input.d());
        long perThread = (6L + 3 * PrincipalSubspace.MOST) * input.keys() * Float.BYTES;
        double columns = options.near + options.groups + 100.0 * options.candidates / 2;
        return new Estimate(heads * perHead + threads * perThread,
                2 * columns * (input.d() + input.dv()) * input.queries() * input.batch() * input.heads());
    }

    /** Options of pilot attention. */
    public static final class Builder {
        private int near = 256;
        private double threshold = -13;
        private int candidates = 8;
        private int groups = 32;
        private int rank = 4;
        private int middle = 256;
        private int tile = 64;
        private long seed;

        private Builder() {
        }
        public Builder near(int value) { near = value; return this; }
        public Builder threshold(double value) { threshold = value; return this; }
        public Builder candidates(int value) { candidates = value; return this; }
        public Builder groups(int value) { groups = value; return this; }
        public Builder rank(int value) { rank = value; return this; }
        public Builder middle(int value) { middle = value; return this; }
        public Builder tile(int value) { tile = value; return this; }
        public Builder seed(long value) { seed = value; return this; }

        /** The method. */
        public PilotAttention build() {
            Builder copy = new Builder();
            copy.near = near; copy.threshold = threshold; copy.candidates = candidates; copy.groups = groups;
            copy.rank = rank; copy.middle = middle; copy.tile = tile; copy.seed = seed;
            return new PilotAttention(copy);
        }
    }
}
