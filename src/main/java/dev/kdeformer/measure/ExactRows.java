package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.linalg.Product;
import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/**
 * Single rows of exact attention in double precision, by an online softmax over blocks of keys. Takes all that an
 * {@link AttentionInput} can say; rows that see no key are zeros.
 *
 * <p>The keys are cut into a few spans whose results are merged in order, so that a head's rows keep several threads
 * busy; how they are cut depends on shapes alone and the result on no number of threads.
 */
final class ExactRows {
    private static final int BLOCK = 64;
    private static final int CHUNK_ROWS = 256;
    private static final int SPAN_KEYS = 2048;
    private static final int MOST_SPANS = 16;
    /** Tasks to have at hand in one forEach; their results are held in memory until it ends. */
    private static final int TASKS = 64;

    /** Receives the rows. */
    interface Sink {
        /**
         * Takes a row; called once for each, from any thread, with rows of the same head one after the other.
         *
         * @param head  batch item · heads + head
         * @param index position in the head's list of rows
         * @param row   d_v elements or more, of which the first d_v count; may be kept by nobody
         */
        void accept(int head, int index, double[] row);
    }

    /** Some rows of a head. */
    private record Chunk(int head, int from, int to) {
    }

    private final AttentionInput input;
    private final int[][] rows;
    private final int width;
    private final int spans;
    private final int spanKeys;

    private ExactRows(AttentionInput input, int[][] rows) {
        this.input = input;
        this.rows = rows;
        this.width = Product.pad(input.dv());
        int wanted = Math.max(1, Math.min(MOST_SPANS, input.keys() / SPAN_KEYS));
        int keys = Math.ceilDiv(input.keys(), wanted);
        this.spanKeys = Math.max(1, Math.ceilDiv(keys, BLOCK)) * BLOCK;
        this.spans = Math.max(1, Math.ceilDiv(input.keys(), spanKeys));
    }

    /**
     * Computes rows.
     *
     * @param rows for every head of every batch item the wanted rows in ascending order, the same number for each
     */
    static void compute(Team team, AttentionInput input, int[][] rows, Sink sink) {
        new ExactRows(input, rows).compute(team, sink);
    }

    private void compute(Team team, Sink sink) {
        int chunksPerHead = Math.ceilDiv(rows[0].length, CHUNK_ROWS);
        long chunks = (long) rows.length * chunksPerHead;
        int wave = Math.max(1, TASKS / spans);
        team.expect(chunks * spans);
        for (long first = 0; first < chunks; first += wave) {
            Chunk[] now = new Chunk[(int) Math.min(wave, chunks - first)];
            for (int i = 0; i < now.length; i++) {
                int head = (int) ((first + i) / chunksPerHead);
                int from = (int) ((first + i) % chunksPerHead) * CHUNK_ROWS;
                now[i] = new Chunk(head, from, Math.min(rows[head].length, from + CHUNK_ROWS));
            }
            SoftmaxSums[] parts = new SoftmaxSums[now.length * spans];
            team.forEach(parts.length, (index, scratch) -> {
                parts[index] = attend(now[index / spans], index % spans * spanKeys);
                team.advance(1);
            });
            for (int i = 0; i < now.length; i++) {
                merge(now[i], Arrays.copyOfRange(parts, i * spans, (i + 1) * spans), sink);
            }
        }
    }

    /** The rows of a chunk over the keys of one span. */
    private SoftmaxSums attend(Chunk chunk, int firstKey) {
        int batch = chunk.head / input.heads();
        int head = chunk.head % input.heads();
        int count = chunk.to - chunk.from;
        Matrix key = input.key().matrix(batch, head / input.groupSize());
        Matrix value = input.value().matrix(batch, head / input.groupSize());
        Matrix bias = bias(input, batch, head);
        int least = input.keys();
        int most = 0;
        int[] firsts = new int[count];
        int[] visible = new int[count];
        double[] queries = new double[count * input.d()];
        Matrix query = input.query().matrix(batch, head);
        for (int i = 0; i < count; i++) {
            int row = rows[chunk.head][chunk.from + i];
            firsts[i] = firstKey(input, batch, row);
            visible[i] = visibleKeys(input, batch, row);
            if (visible[i] > firsts[i]) {
                least = Math.min(least, firsts[i]);
                most = Math.max(most, visible[i]);
            }
            for (int c = 0; c < input.d(); c++) {
                queries[i * input.d() + c] = (double) query.get(row, c) * input.scale();
            }
        }
        SoftmaxSums part = new SoftmaxSums(count, width, SoftmaxSums.NATURAL);
        double[] keys = new double[input.d() * BLOCK];
        double[] values = new double[BLOCK * width];
        double[] weights = new double[count * BLOCK];
        float[] floats = new float[Math.max(input.d(), input.dv())];
        int end = Math.min(firstKey + spanKeys, most);
        int begin = firstKey + Math.max(0, least - firstKey) / BLOCK * BLOCK;
        float[] pairs = new float[BLOCK];
        int firstRow = 0;
        for (int start = begin; start < end; start += BLOCK) {
            while (visible[firstRow] <= start) {
                firstRow++;
            }
            int length = Math.min(BLOCK, end - start);
            load(key, value, start, length, floats, keys, values);
            Arrays.fill(weights, 0);
            new Product(keys, input.d(), BLOCK)
                    .add(queries, firstRow * input.d(), input.d(), weights, firstRow * BLOCK, count - firstRow);
            for (int i = firstRow; i < count; i++) {
                int seen = Math.min(length, visible[i] - start);
                bend(weights, i, length, chunk, start, pairs);
                weigh(part, i, weights, firsts[i] - start, seen, bias, start);
            }
            new Product(values, length, width)
                    .add(weights, firstRow * BLOCK, BLOCK, part.values(), firstRow * width, count - firstRow);
        }
        return part;
    }

    /** Bends a row's logits of a block by the soft cap and adds the biases of its pairs. */
    private void bend(double[] logits, int row, int length, Chunk chunk, int start, float[] pairs) {
        int at = row * BLOCK;
        float cap = input.softCap();
        for (int j = at; j < at + length && cap > 0; j++) {
            logits[j] = cap * Math.tanh(logits[j] / cap);
        }
        if (input.pairBias() != null) {
            input.pairBias().fill(new PairBias.Piece(chunk.head / input.heads(), chunk.head % input.heads(),
                    rows[chunk.head][chunk.from + row], 1, start, length), pairs, BLOCK);
            for (int j = 0; j < length; j++) {
                logits[at + j] += pairs[j] <= AttentionInput.HIDING_BIAS ? Double.NEGATIVE_INFINITY : pairs[j];
            }
        }
    }

    /** Keys transposed, values as they are. */
    private void load(Matrix key, Matrix value, int start, int length, float[] floats, double[] keys,
            double[] values) {
        for (int j = 0; j < length; j++) {
            key.readRow(start + j, floats, 0);
            for (int c = 0; c < input.d(); c++) {
                keys[c * BLOCK + j] = floats[c];
            }
            value.readRow(start + j, floats, 0);
            for (int c = 0; c < input.dv(); c++) {
                values[j * width + c] = floats[c];
            }
        }
    }

    /**
     * Turns a row's logits of a block into weights relative to the largest logit so far; 0 for keys it does not see.
     */
    private void weigh(SoftmaxSums part, int i, double[] weights, int first, int seen, Matrix bias, int start) {
        int at = i * BLOCK;
        double max = part.references()[i];
        for (int j = Math.max(0, first); j < seen; j++) {
            if (bias != null) {
                weights[at + j] += bias.get(0, start + j);
            }
            max = Math.max(max, weights[at + j]);
        }
        part.raise(i, max);
        double sum = 0;
        for (int j = 0; j < BLOCK; j++) {
            double weight = j >= first && j < seen && max != Double.NEGATIVE_INFINITY
                    ? Math.exp(weights[at + j] - max) : 0;
            weights[at + j] = weight;
            sum += weight;
        }
        part.sums()[i] += sum;
    }

    private void merge(Chunk chunk, SoftmaxSums[] parts, Sink sink) {
        SoftmaxSums total = new SoftmaxSums(1, width, SoftmaxSums.NATURAL);
        double[] row = new double[width];
        for (int i = 0; i < chunk.to - chunk.from; i++) {
            total.clear();
            total.add(0, input.sink(chunk.head % input.heads()), 1);
            for (SoftmaxSums part : parts) {
                total.add(0, part, i);
            }
            for (int c = 0; c < input.dv(); c++) {
                row[c] = total.mean(0, c);
            }
            sink.accept(chunk.head, chunk.from + i, row);
        }
    }

    /** The first key that a query may see by the mask. */
    static int firstKey(AttentionInput input, int batch, int row) {
        return input.mask().firstKey(batch, row, input.queries(), input.keys());
    }

    /** The end of the keys that a query may see by the mask. */
    static int visibleKeys(AttentionInput input, int batch, int row) {
        return input.mask().endKey(batch, row, input.queries(), input.keys());
    }

    /** The biases of the keys that a query head reads, (1, m), or null. */
    static Matrix bias(AttentionInput input, int batch, int head) {
        Tensor bias = input.keyBias();
        return bias == null ? null : bias.matrix(bias.shape().batch() == 1 ? 0 : batch,
                bias.shape().heads() == 1 ? 0 : head / input.groupSize());
    }
}
