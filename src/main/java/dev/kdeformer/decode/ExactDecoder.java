package dev.kdeformer.decode;

import dev.kdeformer.kernel.DecodeTile;
import dev.kdeformer.kernel.KeyRanges;
import dev.kdeformer.runtime.Scratch;

/**
 * Exact decoding. The work is cut by key head, by tiles of rows, and by parts of the keys of a fixed size, so that one
 * head of one query keeps all threads busy; the states of the parts are merged in their order.
 */
final class ExactDecoder {
    /** Groups of a part. */
    private static final int PART = 128;

    private ExactDecoder() {
    }

    static void run(DecodeCall call) {
        Scratch scratch = call.team().scratch();
        long mark = scratch.mark();
        int parts = Math.max(1, Math.ceilDiv(call.groups(), PART));
        int rows = call.rows();
        int tiles = Math.ceilDiv(rows, DecodeTile.ROWS);
        long stateBytes = DecodeTile.stateBytes(call.store().dv());
        long partBytes = rows * stateBytes;
        long states = scratch.allocate(call.units() * (long) parts * partBytes);
        int tasks = call.units() * tiles * parts;
        call.team().expect(tasks);
        call.team().forEach(tasks, (index, memory) -> {
            int unit = index / parts / tiles;
            int part = index % parts;
            int first = index / parts % tiles * DecodeTile.ROWS;
            DecodeTile tile = memory.keep(DecodeTile.class, DecodeTile::new);
            int count = Math.min(DecodeTile.ROWS, rows - first);
            KeyRanges seen = memory.keep(KeyRanges.class, KeyRanges::new);
            call.begin(tile, unit, first, count);
            call.ranges(unit, first, count, seen);
            call.add(tile, unit, seen, part * PART, Math.min(call.groups(), (part + 1) * PART));
            tile.store(states + (unit * (long) parts + part) * partBytes + first * stateBytes);
            call.team().advance(1);
        });
        for (int unit = 0; unit < call.units(); unit++) {
            for (int row = 0; row < rows; row++) {
                call.write(unit, row, states + unit * (long) parts * partBytes + row * stateBytes, parts, partBytes);
            }
        }
        scratch.release(mark);
    }
}
