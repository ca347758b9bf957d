package dev.kdeformer.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/** Blocks of keys that follow each other in position, put together up to a number of rows. */
final class Chunks implements Iterator<Block> {
    private final Iterator<Block> blocks;
    private final int most;
    private Block next;

    Chunks(Iterator<Block> blocks, int most) {
        this.blocks = blocks;
        this.most = most;
        this.next = blocks.hasNext() ? blocks.next() : null;
    }

    @Override
    public boolean hasNext() {
        return next != null;
    }

    @Override
    public Block next() {
        if (next == null) {
            throw new NoSuchElementException();
        }
        List<Block> together = new ArrayList<>();
        Block first = next;
        long rows = 0;
        while (next != null && next.head == first.head && next.start == first.start + rows
                && (rows == 0 || rows + next.rows <= most)) {
            together.add(next);
            rows += next.rows;
            next = blocks.hasNext() ? blocks.next() : null;
        }
        if (together.size() == 1) {
            return first;
        }
        Block chunk = new Block(first.head, first.start, (int) rows);
        chunk.key = join(together.stream().map(block -> block.key).toList());
        chunk.value = join(together.stream().map(block -> block.value).toList());
        chunk.bias = join(together.stream().map(block -> block.bias).toList());
        return chunk;
    }

    private static byte[] join(List<byte[]> parts) {
        if (parts.get(0) == null) {
            return null;
        }
        byte[] joined = new byte[Math.toIntExact(parts.stream().mapToLong(part -> part.length).sum())];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, joined, at, part.length);
            at += part.length;
        }
        return joined;
    }
}
