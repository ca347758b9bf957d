package dev.kdeformer.kdeformer;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;

/**
 * A few pieces of at most {@link GradientTile#QUERIES} queries, which meet tiles of keys together, so that a tile is
 * loaded once for all of them. Belongs to one task.
 */
final class QueryPieces {
    /** Most pieces. */
    static final int MOST = 8;

    private final GradientHead head;
    private final Scratch scratch;
    private final Piece[] pieces = new Piece[MOST];
    private int count;

    /** One piece: where its queries come from, packed, and the gradients by them so far. */
    private final class Piece {
        private final GradientRows rows;
        private final long sums;
        private int block;
        private int member;
        private long order;
        private int from;

        Piece() {
            int d = head.keyHead().key().columns();
            rows = new GradientRows(scratch, GradientTile.QUERIES, d, head.keyHead().value().columns(),
                    head.head().scale());
            sums = scratch.floats(GradientTile.blockFloats(d));
        }
    }

    /** No pieces; takes memory as they come. */
    QueryPieces(GradientHead head, Scratch scratch) {
        this.head = head;
        this.scratch = scratch;
    }

    /** Bytes of scratch memory. */
    static long bytes(int d, int dv) {
        return MOST * (GradientRows.bytes(GradientTile.QUERIES, d, dv) + GradientTile.blockFloats(d) * Float.BYTES);
    }

    /**
     * Packs one more piece.
     *
     * @param block  what the caller tells pieces apart by
     * @param order  address of ints, the query at every position; 0 for the identity
     * @param from   first position
     * @param number number of queries
     */
    void add(int block, int member, long order, int from, int number) {
        if (pieces[count] == null) {
            pieces[count] = new Piece();
        }
        Piece piece = pieces[count++];
        piece.block = block;
        piece.member = member;
        piece.order = order;
        piece.from = from;
        piece.rows.resize(number);
        piece.rows.pack(head.keyHead(), order == 0 ? head.source(member, from, number) : head.source(member),
                order == 0 ? 0 : order + (long) from * Integer.BYTES, 0, number, Centring.of(head.head().centre()),
                scratch);
        Memory.fillFloats(piece.sums, GradientTile.blockFloats(head.keyHead().key().columns()), 0);
    }

    boolean isFull() {
        return count == MOST;
    }

    int count() {
        return count;
    }

    /** What the caller called a piece. */
    int block(int piece) {
        return pieces[piece].block;
    }

    /** Position of a piece's first query. */
    int from(int piece) {
        return pieces[piece].from;
    }

    /** Number of queries of a piece. */
    int size(int piece) {
        return pieces[piece].rows.count();
    }

    /** Lets a piece meet a tile of keys, all of them if {@code diagonal} is at most −{@link GradientTile#KEYS}. */
    void meet(int piece, GradientTile tile, int diagonal) {
        GradientRows rows = pieces[piece].rows;
        tile.add(rows.queries(), rows.gradients(), 0, diagonal, pieces[piece].sums, scratch);
    }

    /** Adds the gradients by the queries of all pieces to the caller's, and forgets the pieces. */
    void finish(Team team) {
        float[] row = new float[head.keyHead().key().columns()];
        for (int p = 0; p < count; p++) {
            Piece piece = pieces[p];
            Matrix dQuery = head.dQuery(piece.member);
            float[] sums = scratch.keep(GradientTile.class, GradientTile::new)
                    .blockRows(piece.sums, 1, 0, row.length, piece.rows.count());
            for (int i = 0; i < piece.rows.count(); i++) {
                int position = piece.from + i;
                int at = piece.order == 0 ? position : Memory.getInt(piece.order + (long) position * Integer.BYTES);
                dQuery.readRow(at, row, 0);
                for (int c = 0; c < row.length; c++) {
                    row[c] += head.scale() * sums[i * row.length + c];
                }
                dQuery.writeRow(at, row, 0);
            }
            team.advance(piece.rows.count());
        }
        count = 0;
    }
}
