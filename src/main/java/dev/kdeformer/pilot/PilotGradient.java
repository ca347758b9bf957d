package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;

/**
 * Gradients of pilot attention at a fixed cost, with all that the walk down the tree decides held fixed; see
 * {@link PilotAttention#gradient} for what that is. The walk is done again; at a leaf its gradients are found, and on
 * the way up each node hands its share of those by the groups to the keys that it folded.
 *
 * <p>The tree is dealt to a fixed number of shares, which run at the same time and have gradients by keys and values of
 * their own; these are added in the order of the shares, so that every sum has one order, whatever the number of
 * threads.
 */
final class PilotGradient implements GradientFrame.Body {
    /** Most shares of the tree. */
    private static final int SHARES = 8;

    /** Rows that one task clears. */
    private static final int CHUNK = 4096;

    private final PilotAttention method;

    PilotGradient(PilotAttention method) {
        this.method = method;
    }

    @Override
    public void checkSupported(AttentionInput input) {
        method.checkSupported(input);
        if (input.mask().isCausal()) {
            throw new IllegalArgumentException("the gradient of pilot attention takes no causal mask, got "
                    + input.mask());
        }
    }

    @Override
    public void run(GradientCall call) {
        Team team = call.team();
        int units = call.forward().keyHeads();
        team.expect((long) units * call.input().groupSize());
        if (units >= 4 * team.threads()) {
            team.forEach(units, (unit, scratch) -> head(call, unit, team.alone(scratch)));
        } else {
            for (int unit = 0; unit < units; unit++) {
                head(call, unit, team);
            }
        }
    }

    private void head(GradientCall call, int unit, Team team) {
        AttentionInput input = call.input();
        KeyHead head = call.forward().keyHead(unit);
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        Matrix dKey = head.ofKeys(call.dKey());
        Matrix dValue = head.ofKeys(call.dValue());
        clear(dKey, team);
        clear(dValue, team);
        KeyGroups keys = null;
        for (int member = 0; member < head.groupSize(); member++) {
            Matrix dQuery = head.ofQueries(call.dQuery(), member);
            Rows queries = Rows.load(head.query(member), null, null, input.scale(), team);
            Reflection reflection = Reflection.reflect(queries, keys, team);
            if (keys == null) {
                keys = KeyGroups.of(head, queries, reflection, method.groups(), team);
            }
            if (keys == null) {
                clear(dQuery, team);
                continue;
            }
            long start = scratch.mark();
            PilotHead pilot = new PilotHead(head, member, method, keys, queries, method.tile(), team);
            Effort effort = method.effort(input, pilot);
            int shares = Math.min(SHARES, pilot.topNodes(effort));
            GradientSums sums = new GradientSums(keys, shares, scratch);
            // The queries as they are, but reflected like the keys.
            Rows reflected = Rows.load(head.query(member), null, null, 1, team);
            reflection.apply(reflected, team);
            GradientRows.Source source = GradientRows.Source.of(call, head, member, 0, input.queries())
                    .withQuery(GradientSums.matrix(reflected));
            pilot.visit(effort, shares, team, (share, memory) -> {
                sums.clear(share);
                return new LeafGradient(pilot, head, source, dQuery, sums.dKey(share), sums.dValue(share),
                        input.scale(), memory);
            });
            sums.addTo(dKey, dValue, team);
            scratch.release(start);
            team.advance(1);
        }
        scratch.release(mark);
    }

    @Override
    public FixedFunction fixed(Call call) {
        AttentionInput input = call.input();
        PlainPilot[] heads = new PlainPilot[input.batch() * input.heads()];
        Team team = call.team();
        for (int unit = 0; unit < call.keyHeads(); unit++) {
            long mark = team.scratch().mark();
            KeyHead head = call.keyHead(unit);
            KeyGroups keys = null;
            for (int member = 0; member < head.groupSize(); member++) {
                Rows queries = Rows.load(head.query(member), null, null, input.scale(), team);
                Reflection reflection = Reflection.reflect(queries, keys, team);
                keys = keys == null ? KeyGroups.of(head, queries, reflection, method.groups(), team) : keys;
                if (keys != null) {
                    PilotHead pilot = new PilotHead(head, member, method, keys, queries, method.tile(), team);
                    Effort effort = method.effort(input, pilot);
                    WalkRecord record = new WalkRecord(pilot);
                    pilot.visit(effort, 1, team, (share, scratch) -> record);
                    heads[unit * head.groupSize() + member] = new PlainPilot(input, keys, record.leaves());
                }
            }
            team.scratch().release(mark);
        }
        return (unit, query, key, value) -> {
            double[][] outputs = new double[input.groupSize()][];
            for (int member = 0; member < outputs.length; member++) {
                int head = unit * outputs.length + member;
                outputs[member] = heads[head] == null ? new double[input.queries() * input.dv()]
                        : heads[head].output(query[head], key[unit], value[unit]);
            }
            return outputs;
        };
    }

    private static void clear(Matrix rows, Team team) {
        team.forEach((rows.rows() + CHUNK - 1) / CHUNK, (index, scratch) -> {
            float[] zeros = new float[rows.columns()];
            for (int row = index * CHUNK; row < Math.min(rows.rows(), (index + 1) * CHUNK); row++) {
                rows.writeRow(row, zeros, 0);
            }
        });
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        Estimate forward = method.estimate(input, threads);
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        int d = input.d();
        int dv = input.dv();
        return new Estimate(forward.scratchBytes()
                + heads * (GradientSums.bytes(input.keys(), d, dv, SHARES) + Rows.bytes(input.queries(), d))
                + threads * LeafGradient.bytes(input.keys(), method.groups(), d, dv),
                forward.operations() + 2.0 * method.effort(input).near() * (3.0 * d + 2.0 * dv)
                        * input.queries() * input.batch() * input.heads());
    }
}
