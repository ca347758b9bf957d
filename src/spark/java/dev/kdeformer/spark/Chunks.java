package dev.kdeformer.spark;

import java.util.Iterator;
import java.util.List;

/** Blocks of keys that follow each other in position, put together up to a number of rows. */
final class Chunks implements Iterator<Block> {
    private final Together<Block> runs;

    Chunks(Iterator<Block> blocks, int most) {
        runs = new Together<>(blocks, (before, next) -> next.head == before.get(0).head
                && next.start == before.get(0).start + rows(before) && rows(before) + next.rows <= most);
    }

    private static long rows(List<Block> blocks) {
        return blocks.stream().mapToLong(block -> block.rows).sum();
    }

    @Override
    public boolean hasNext() {
        return runs.hasNext();
    }

    @Override
    public Block next() {
        List<Block> together = runs.next();
        Block first = together.get(0);
        if (together.size() == 1) {
            return first;
        }
        Block chunk = new Block(first.head, first.start, (int) rows(together));
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
