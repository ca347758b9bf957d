package dev.kdeformer.spark;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Makes blocks of tokens that come sorted by head and position, a block at a time, and rows of blocks. */
final class Packing implements Iterator<Block> {
    private final Together<TokenRow> blocks;

    Packing(Iterator<TokenRow> tokens) {
        blocks = new Together<>(tokens, (before, next) -> next.getHead() == before.get(0).getHead()
                && next.getBlock() == before.get(0).getBlock()
                && next.getPosition() == before.get(0).getPosition() + before.size());
    }

    @Override
    public boolean hasNext() {
        return blocks.hasNext();
    }

    @Override
    public Block next() {
        List<TokenRow> rows = blocks.next();
        TokenRow first = rows.get(0);
        Block block = new Block(first.getHead(), first.getPosition(), rows.size());
        block.query = pack(Columns.QUERY, rows.stream().map(TokenRow::getQuery).toList(), first);
        block.key = pack(Columns.KEY, rows.stream().map(TokenRow::getKey).toList(), first);
        block.value = pack(Columns.VALUE, rows.stream().map(TokenRow::getValue).toList(), first);
        if (first.getBias() != null) {
            block.bias = pack(Columns.BIAS, rows.stream()
                    .map(row -> row.getBias() == null ? null : new float[] {row.getBias()}).toList(), first);
        }
        return block;
    }

    private static byte[] pack(String column, List<float[]> vectors, TokenRow first) {
        float[] front = vectors.get(0);
        if (front == null && vectors.stream().allMatch(vector -> vector == null)) {
            return null; // not asked for; whoever asked finds it missing in Block.check
        }
        int width = front == null ? 0 : front.length;
        long bytes = (long) vectors.size() * width * Float.BYTES;
        if (width == 0 || bytes > Integer.MAX_VALUE - 8) {
            throw refusal(column, "must be one float or more, 2 GB in a block at most", front, first, 0);
        }
        ByteBuffer buffer = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < vectors.size(); row++) {
            float[] vector = vectors.get(row);
            if (vector == null || vector.length != width) {
                throw refusal(column, "must have " + width + " floats as those before it", vector, first, row);
            }
            buffer.asFloatBuffer().put(vector);
            buffer.position(buffer.position() + width * Float.BYTES);
        }
        return buffer.array();
    }

    private static IllegalArgumentException refusal(String column, String rule, float[] found, TokenRow first,
            int row) {
        return new IllegalArgumentException(column + " at position " + (first.getPosition() + row) + " of head "
                + first.getHead() + " " + rule + ", got " + (found == null ? "null" : found.length + " floats"));
    }

    /** The rows of a block of results. */
    static Iterator<ResultRow> rows(Block block) {
        int width = Block.columns(block.query, block.rows);
        ByteBuffer outputs = ByteBuffer.wrap(block.query).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer sums = ByteBuffer.wrap(block.bias).order(ByteOrder.LITTLE_ENDIAN);
        List<ResultRow> rows = new ArrayList<>(block.rows);
        for (int i = 0; i < block.rows; i++) {
            ResultRow row = new ResultRow();
            row.setHead(block.head);
            row.setPosition(block.start + i);
            float[] output = new float[width];
            outputs.slice(i * width * Float.BYTES, width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer().get(output);
            row.setOutput(output);
            row.setLogSumExp(sums.getFloat(i * Float.BYTES));
            rows.add(row);
        }
        return rows.iterator();
    }
}
