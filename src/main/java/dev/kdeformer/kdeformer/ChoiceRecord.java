package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.exact.tiled.PlainAttention;
import dev.kdeformer.exact.tiled.PlainAttention.Met;
import dev.kdeformer.kdeformer.CausalSplit.Part;
import dev.kdeformer.lsh.SortedBlocks;
import dev.kdeformer.method.Call;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import java.util.List;

/** The keys that every query of a call meets, and the logarithms of their weights, written down: blocks and samples. */
final class ChoiceRecord implements PlainAttention.Keys {
    private final AttentionInput input;
    private final Met[][] met;

    ChoiceRecord(BlockSampling sampling, Call call) {
        this.input = call.input();
        this.met = new Met[input.batch() * input.heads()][input.queries()];
        for (Met[] each : met) {
            Arrays.fill(each, new Met(new int[0], new double[0]));
        }
        Team team = call.team();
        for (int unit = 0; unit < call.keyHeads(); unit++) {
            long mark = team.scratch().mark();
            HashedHead head = new HashedHead(sampling, call, unit, team);
            int keys = head.keyHead().keys();
            if (input.mask().isCausal()) {
                CausalSplit split = sampling.split(input, keys);
                for (List<Part> level : split.levels()) {
                    level.forEach(part -> rectangle(head, part, team));
                }
                split.triangles().forEach(part -> triangle(head, part));
            } else {
                rectangle(head, new Part(0, input.queries(), 0, keys, 0), team);
            }
            team.scratch().release(mark);
        }
    }

    @Override
    public Met of(int head, int query) {
        return met[head][query];
    }

    private int queryHead(HashedHead head, int member) {
        return head.keyHead().index() * input.groupSize() + member;
    }

    private void rectangle(HashedHead head, Part part, Team team) {
        BlockChoice choice = new BlockChoice(head, part.queryFrom(), part.queryTo(), part.keyFrom(), part.keyTo(),
                part.index(), team);
        SortedBlocks blocks = choice.blocks();
        for (int block = 0; block < blocks.count(); block++) {
            Met all = inBlock(choice, block);
            for (int member = 0; member < input.groupSize(); member++) {
                for (int p = blocks.queryFrom(block); p < blocks.queryFrom(block + 1); p++) {
                    add(queryHead(head, member), at(choice.queryOrder(member), p), all);
                }
            }
        }
    }

    private static Met inBlock(BlockChoice choice, int block) {
        KeySample sample = choice.sample();
        int own = choice.keys(block);
        IntArrayList keys = new IntArrayList();
        DoubleArrayList weights = new DoubleArrayList();
        for (int k = 0; k < own; k++) {
            keys.add(at(choice.keyOrder(), choice.blocks().keyFrom(block) + k));
            weights.add(0);
        }
        for (int entry = 0; sample != null && entry < sample.count(); entry++) {
            if (entry < choice.firstSample(block) || entry >= choice.firstSample(block + 1)) {
                keys.add(at(choice.keyOrder(), sample.position(entry)));
                weights.add(sample.logWeight(entry));
            }
        }
        return new Met(keys.toIntArray(), weights.toDoubleArray());
    }

    private static int at(long ints, int index) {
        return Memory.getInt(ints + (long) index * Integer.BYTES);
    }

    private void triangle(HashedHead head, Part part) {
        long offset = input.mask().causalOffset(input.queries(), input.keys());
        for (int i = part.queryFrom(); i < part.queryTo(); i++) {
            int count = (int) Math.max(0, Math.min(part.keyTo(), i + offset + 1) - part.keyFrom());
            int[] keys = new int[count];
            Arrays.setAll(keys, j -> part.keyFrom() + j);
            for (int member = 0; member < input.groupSize(); member++) {
                add(queryHead(head, member), i, new Met(keys, new double[count]));
            }
        }
    }

    private void add(int head, int query, Met more) {
        Met old = met[head][query];
        if (old.keys().length == 0) {
            met[head][query] = more;
            return;
        }
        IntArrayList keys = new IntArrayList(old.keys());
        DoubleArrayList weights = new DoubleArrayList(old.logWeights());
        keys.addElements(keys.size(), more.keys());
        weights.addElements(weights.size(), more.logWeights());
        met[head][query] = new Met(keys.toIntArray(), weights.toDoubleArray());
    }
}
