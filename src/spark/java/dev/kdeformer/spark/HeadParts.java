package dev.kdeformer.spark;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.pilot.PilotPlan;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.io.Serializable;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Parts of whole heads: a task computes one part of {@link PilotAttention#part}, whose rows lie anywhere, and sends
 * them to those who put blocks together; or a whole head with any method. What the parts of a head have in common is
 * found by one task for each head, before.
 *
 * @param plans in bytes, one for each head; null for whole heads
 */
record HeadParts(HeadCall call, List<WholeHead> heads, List<Broadcast<byte[]>> plans) implements Serializable {
    private static final long serialVersionUID = 1;

    /** A part of a head that one task computes. */
    record Piece(int head, int part, int parts) implements Serializable {
    }

    /** Rows of a block of results; a class and no record, which Kryo could not send. */
    static final class Rows implements Serializable {
        private static final long serialVersionUID = 1;

        /** Counted from the first of the block. */
        final int[] rows;
        final float[] outputs;
        final float[] sums;

        Rows(int[] rows, float[] outputs, float[] sums) {
            this.rows = rows;
            this.outputs = outputs;
            this.sums = sums;
        }
    }

    /** The output of all heads, each computed in so many parts; the plans of several parts are found at once. */
    static JavaRDD<Block> run(JavaSparkContext context, HeadCall call, List<WholeHead> heads, int parts) {
        List<Broadcast<byte[]>> plans = null;
        if (parts > 1) {
            plans = new ArrayList<>();
            for (byte[] plan : context.parallelize(heads, heads.size())
                    .map(head -> PlannedHead.find(call, head)).collect()) {
                plans.add(context.broadcast(plan));
            }
        }
        return new HeadParts(call, heads, plans).run(context, parts);
    }

    private JavaRDD<Block> run(JavaSparkContext context, int parts) {
        List<Piece> pieces = new ArrayList<>();
        int blocks = 0;
        for (int head = 0; head < heads.size(); head++) {
            for (int part = 0; part < Math.max(1, parts); part++) {
                pieces.add(new Piece(head, part, parts));
            }
            blocks += heads.get(head).spans().size() * heads.get(head).queries().size();
        }
        JavaRDD<Piece> tasks = context.parallelize(pieces, pieces.size());
        HeadParts self = this;
        if (parts <= 1) {
            return tasks.flatMap(self::whole);
        }
        return tasks.flatMapToPair(self::part).groupByKey(Math.min(blocks, pieces.size())).map(HeadParts::together);
    }

    private Iterator<Block> whole(Piece piece) {
        WholeHead head = heads.get(piece.head);
        try (Arena arena = Arena.ofShared()) {
            AttentionInput input = head.input(call, arena);
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Tensor sums = Tensor.allocate(arena, input.outputShape().withColumns(1));
            call.method(head.queryHead(0), head.queries().size()).apply(Engines.ofTask(), input, output, sums);
            List<Block> results = new ArrayList<>();
            for (int member = 0; member < head.queries().size(); member++) {
                call.complete(input.query().matrix(0, member), sums.matrix(0, member));
                long start = head.spans().get(0).start();
                for (Spans.Span span : head.spans()) {
                    int first = (int) (span.start() - start);
                    Block block = HeadCall.empty(new Block(head.queryHead(member), span.start(), span.rows()),
                            input.dv());
                    copy(output.matrix(0, member), first, Block.tensor(block.query, span.rows()));
                    copy(sums.matrix(0, member), first, Block.tensor(block.bias, span.rows()));
                    results.add(block);
                }
            }
            return results.iterator();
        }
    }

    private static void copy(Matrix from, int first, Tensor to) {
        float[] row = new float[from.columns()];
        Matrix target = to.matrix(0, 0);
        for (int i = 0; i < target.rows(); i++) {
            from.readRow(first + i, row, 0);
            target.writeRow(i, row, 0);
        }
    }

    private Iterator<Tuple2<Tuple2<Integer, Long>, Rows>> part(Piece piece) {
        WholeHead head = heads.get(piece.head);
        PilotAttention method = (PilotAttention) call.method();
        try (Arena arena = Arena.ofShared()) {
            PilotPlan plan = PlannedHead.of(call, head, plans.get(piece.head));
            AttentionInput input = plan.input();
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Tensor sums = Tensor.allocate(arena, input.outputShape().withColumns(1));
            int[][] written = method.part(piece.part, piece.parts).apply(Engines.ofTask(), plan, output, sums).rows();
            List<Tuple2<Tuple2<Integer, Long>, Rows>> results = new ArrayList<>();
            for (int member = 0; member < written.length; member++) {
                call.complete(input.query().matrix(0, member), sums.matrix(0, member));
                int from = 0;
                long start = head.spans().get(0).start();
                for (Spans.Span span : head.spans()) {
                    int to = from;
                    while (to < written[member].length && start + written[member][to] < span.end()) {
                        to++;
                    }
                    if (to > from) {
                        int[] rows = Arrays.copyOfRange(written[member], from, to);
                        results.add(new Tuple2<>(new Tuple2<>(head.queryHead(member), span.start()),
                                take(rows, (int) (span.start() - start), output.matrix(0, member),
                                        sums.matrix(0, member))));
                    }
                    from = to;
                }
            }
            return results.iterator();
        }
    }

    private static Rows take(int[] rows, int first, Matrix output, Matrix sums) {
        float[] outputs = new float[rows.length * output.columns()];
        float[] logSums = new float[rows.length];
        for (int i = 0; i < rows.length; i++) {
            output.readRow(rows[i], outputs, i * output.columns());
            logSums[i] = sums.get(rows[i], 0);
            rows[i] -= first;
        }
        return new Rows(rows, outputs, logSums);
    }

    private static Block together(Tuple2<Tuple2<Integer, Long>, Iterable<Rows>> parts) {
        int rows = 0;
        int dv = 0;
        for (Rows part : parts._2) {
            rows += part.rows.length;
            dv = part.outputs.length / part.rows.length;
        }
        Block block = HeadCall.empty(new Block(parts._1._1, parts._1._2, rows), dv);
        Matrix output = Block.tensor(block.query, rows).matrix(0, 0);
        Matrix sums = Block.tensor(block.bias, rows).matrix(0, 0);
        for (Rows part : parts._2) {
            for (int i = 0; i < part.rows.length; i++) {
                output.writeRow(part.rows[i], part.outputs, i * dv);
                sums.set(part.rows[i], 0, part.sums[i]);
            }
        }
        return block;
    }
}
