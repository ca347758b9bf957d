package dev.kdeformer.kdeformer;

import dev.kdeformer.kdeformer.CausalSplit.Part;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * A key head under a causal rule: the rectangles of a {@link CausalSplit}, level by level, then its triangles. Parts
 * of one level have no queries in common, and every query meets its parts in the same order however the work is
 * shared out.
 */
final class CausalHead {
    /** Queries of one task, over all query heads of the group; its keys are packed once. */
    private static final int SLICE = 10 * QueryTile.ROWS;

    private final HashedHead head;
    private final KeyHead keyHead;
    private final CausalSplit split;
    private final int offset;
    private final PartialRows[] rows;

    /** Prepares, with memory from the team's scratch. */
    CausalHead(HashedHead head, CausalSplit split, int offset, Team team) {
        this.head = head;
        this.keyHead = head.keyHead();
        this.split = split;
        this.offset = offset;
        this.rows = new PartialRows[keyHead.groupSize()];
        for (int member = 0; member < rows.length; member++) {
            rows[member] = new PartialRows(team.scratch(), head.call().input().queries(), keyHead.value().columns());
        }
    }

    /** Computes all rows and adds the number of keys evaluated, summed over the queries of the group. */
    void attend(Team team, LongAdder pairs) {
        for (List<Part> level : split.levels()) {
            if (level.size() >= 2 * team.threads()) {
                team.forEach(level.size(),
                        (index, scratch) -> rectangle(level.get(index), team.alone(scratch), pairs));
            } else {
                for (Part part : level) {
                    rectangle(part, team, pairs);
                }
            }
        }
        int sliceRows = Math.max(QueryTile.ROWS, SLICE / rows.length / QueryTile.ROWS * QueryTile.ROWS);
        long slices = team.scratch().ints(2L * (split.triangles().size() + head.call().input().queries() / sliceRows));
        int count = 0;
        for (int index = 0; index < split.triangles().size(); index++) {
            Part part = split.triangles().get(index);
            for (int from = part.queryFrom(); from < part.queryTo(); from += sliceRows) {
                Memory.putInt(slices + 8L * count, index);
                Memory.putInt(slices + 8L * count + 4, from);
                count++;
            }
        }
        team.forEach(count, (index, scratch) -> {
            Part part = split.triangles().get(Memory.getInt(slices + 8L * index));
            int from = Memory.getInt(slices + 8L * index + 4);
            triangle(part, from, Math.min(part.queryTo(), from + sliceRows), scratch);
        });
        pairs.add(split.trianglePairs() * rows.length);
    }

    private void rectangle(Part part, Team team, LongAdder pairs) {
        long mark = team.scratch().mark();
        Rectangle rectangle = new Rectangle(head, part.queryFrom(), part.queryTo(), part.keyFrom(), part.keyTo(),
                part.index(), team);
        rectangle.attend(team, (member, state, count, order, from) -> rows[member].merge(state, count, order, from));
        pairs.add(rectangle.pairs());
        team.scratch().release(mark);
    }

    /** Queries [from, to) of a triangle, which ends their work. */
    private void triangle(Part part, int from, int to, Scratch scratch) {
        int count = (int) Math.max(0, Math.min(part.keyTo(), (long) to + offset) - part.keyFrom());
        PackedKeys keys = new PackedKeys(scratch, count, keyHead.key().columns(), keyHead.value().columns(),
                head.scale());
        long order = scratch.ints(count);
        for (int j = 0; j < count; j++) {
            Memory.putInt(order + (long) j * Integer.BYTES, part.keyFrom() + j);
        }
        scratch.keep(Packer.class, Packer::new).pack(keys, 0, count,
                keyHead.source(order, Centring.of(head.centre())));
        QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
        SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
        for (int member = 0; member < rows.length; member++) {
            Matrix logSumExp = keyHead.logSumExp(member);
            for (int first = from; first < to; first += QueryTile.ROWS) {
                head.call().team().check();
                int tile = Math.min(QueryTile.ROWS, to - first);
                queries.load(keyHead.query(member), 0, first, tile, head.scale());
                state.begin(tile, keyHead.value().columns());
                state.add(queries, keys, 0, count, first + offset - part.keyFrom());
                rows[member].merge(state, tile, 0, first);
                rows[member].write(first, tile, keyHead.output(member), logSumExp, logSumExp == null ? null
                        : keyHead.shift(keyHead.query(member), 0, first, tile, head.centre()));
                head.call().team().advance(tile);
            }
        }
    }
}
