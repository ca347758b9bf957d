package dev.kdeformer.train;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A transformer with its weights, and memory for a step: a decoder whose output matrix is its embedding, or an encoder
 * that classifies the mean of its rows. For one thread at a time, which the engine's threads help. The same weights
 * and batch give the same bits on any number of threads.
 */
public final class Transformer implements AutoCloseable {
    /** The name of the embedding. */
    static final String EMBEDDING = "embedding";

    private final ModelShape shape;
    private final Engine engine;
    private final Team team;
    private final Arena arena = Arena.ofShared();
    private final Parameters parameters = new Parameters();
    private final Parameter embedding;
    private final Linear unembedding;
    private final List<Layer> layers = new ArrayList<>();
    private final Parameter lastGain;
    private final Linear classifier;
    private final Rotary rotary;
    private final int recomputeAbove;
    private Memory memory;
    private int correct;

    /**
     * What the last forward pass left. It serves fewer rows as well, and what a training step needs serves a judgement
     * between two steps: made anew for each, it would fill the heap with garbage of its size.
     */
    private final class Memory {
        private final int rows;
        private final boolean training;
        private final Layer.Work work;
        private final Activations[] kept = new Activations[shape.layers()];
        private final float[] last;
        private final float[] lastInverse;
        private final float[] normed;
        private final float[] logits;
        private final float[] losses;
        private final float[] dx;
        private final boolean again;

        Memory(int rows, boolean training) {
            this.rows = rows;
            this.training = training;
            this.again = !training || rows > recomputeAbove;
            work = new Layer.Work(shape, rows, training);
            Activations.Inner shared = again ? new Activations.Inner(shape, rows) : null;
            for (int layer = 0; layer < kept.length; layer++) {
                kept[layer] = training || layer == 0
                        ? new Activations(shape, rows, again ? shared : new Activations.Inner(shape, rows)) : kept[0];
            }
            last = Activations.floats(rows, shape.width());
            lastInverse = new float[rows];
            normed = Activations.floats(rows, shape.width());
            logits = Activations.floats(rows, shape.isDecoder() ? shape.vocabulary() : shape.classes());
            losses = new float[rows];
            dx = training ? Activations.floats(rows, shape.width()) : last;
        }
    }

    /**
     * A model of zeros.
     *
     * @param recomputeAbove tokens of a step above which layers keep only their input and the output of attention, and
     *                       compute the rest again (Chen et al. 2016, "Training deep nets with sublinear memory cost")
     */
    public Transformer(ModelShape shape, Engine engine, int recomputeAbove) {
        this.shape = Objects.requireNonNull(shape, "shape");
        this.engine = engine;
        this.team = Crews.begin(engine);
        this.recomputeAbove = recomputeAbove;
        rotary = new Rotary(shape.headFeatures(), shape.rotaryBase());
        embedding = parameters.add(EMBEDDING, shape.vocabulary(), shape.width());
        unembedding = new Linear(embedding, arena);
        for (int layer = 0; layer < shape.layers(); layer++) {
            layers.add(new Layer(shape, layer, rotary, parameters, arena));
        }
        lastGain = parameters.add("norm", 1, shape.width());
        classifier = shape.isDecoder() ? null
                : new Linear(parameters.add("classifier", shape.width(), shape.classes()), arena);
    }

    /** Draws the weights. */
    public void initialise(long seed) {
        parameters.initialise(seed, shape.layers());
        pack();
    }

    /** The sizes. */
    public ModelShape shape() {
        return shape;
    }

    /** The trained matrices. */
    Parameters parameters() {
        return parameters;
    }

    /** The threads of the model. */
    Team team() {
        return team;
    }

    /** What the last pass left, which the next one uses again if it fits. */
    Object memory() {
        return memory;
    }

    /** Takes note of changed weights. */
    void pack() {
        unembedding.pack();
        layers.forEach(Layer::pack);
        if (classifier != null) {
            classifier.pack();
        }
    }

    /**
     * Bytes that a training step needs beside weights, gradients and moments.
     *
     * @param rows tokens of a step
     */
    public static double stepBytes(ModelShape shape, int rows, int recomputeAbove) {
        int inner = rows > recomputeAbove ? 1 : shape.layers();
        double floats = shape.layers() * Activations.floatsPerRow(shape)
                + inner * Activations.Inner.floatsPerRow(shape) + Layer.Work.floatsPerRow(shape)
                + 3.0 * shape.width() + 2 + (shape.isDecoder() ? shape.vocabulary() : shape.classes());
        return Float.BYTES * floats * rows;
    }

    /** The sum of a batch's losses, in nats. */
    public double loss(Batch batch, ModelAttention attention) {
        forward(batch, attention, false);
        return head(batch, 0);
    }

    /** Sequences of an encoder's last batch whose class had the highest logit. */
    public int correct() {
        return correct;
    }

    /** Adds the gradients of the mean loss of a batch's targets; returns the sum of losses, in nats. */
    public double addGradients(Batch batch, ModelAttention attention) {
        forward(batch, attention, true);
        double loss = head(batch, 1f / Math.max(1, batch.asked()));
        backward(batch, attention);
        return loss;
    }

    private void forward(Batch batch, ModelAttention attention, boolean training) {
        int rows = batch.rows();
        if (memory == null || memory.rows < rows || training && !memory.training) {
            memory = null; // so that both are not held at the same time
            memory = new Memory(rows, training);
        }
        rotary.prepare(batch.length());
        float[] first = memory.kept[0].input;
        int width = shape.width();
        for (int r = 0; r < rows; r++) {
            System.arraycopy(embedding.value(), batch.tokens()[r] * width, first, r * width, width);
        }
        for (int layer = 0; layer < layers.size(); layer++) {
            boolean end = layer + 1 == layers.size();
            float[] next = end ? memory.last : memory.kept[layer + 1].input;
            layers.get(layer).forward(team, batch, attention, memory.kept[layer], memory.work, next);
        }
        RowNorm.forward(team, memory.last, rows, lastGain.value(), memory.lastInverse, memory.normed);
    }

    /** From normalised rows to losses, and the gradient by logits in their place. */
    private double head(Batch batch, float weight) {
        if (shape.isDecoder()) {
            unembedding.applyTransposed(team, memory.normed, batch.rows(), memory.logits);
            return CrossEntropy.apply(team, memory.logits, batch.rows(), shape.vocabulary(), batch.targets(), weight,
                    memory.losses);
        }
        float[] pooled = pooled(batch);
        classifier.apply(team, pooled, batch.sequences(), memory.logits);
        correct = count(batch);
        return CrossEntropy.apply(team, memory.logits, batch.sequences(), shape.classes(), batch.targets(), weight,
                memory.losses);
    }

    private float[] pooled(Batch batch) {
        int width = shape.width();
        float[] pooled = new float[batch.sequences() * width];
        team.forEach(batch.sequences(), (s, scratch) -> {
            int valid = batch.valid(s);
            for (int r = s * batch.length(); r < s * batch.length() + valid; r++) {
                for (int c = 0; c < width; c++) {
                    pooled[s * width + c] += memory.normed[r * width + c] / valid;
                }
            }
        });
        return pooled;
    }

    private int count(Batch batch) {
        int right = 0;
        for (int s = 0; s < batch.sequences(); s++) {
            int best = 0;
            for (int c = 1; c < shape.classes(); c++) {
                if (memory.logits[s * shape.classes() + c] > memory.logits[s * shape.classes() + best]) {
                    best = c;
                }
            }
            right += best == batch.targets()[s] ? 1 : 0;
        }
        return right;
    }

    private void backward(Batch batch, ModelAttention attention) {
        int rows = batch.rows();
        int width = shape.width();
        float[] dNormed = memory.work.dNormed;
        if (shape.isDecoder()) {
            MatrixProduct.addOuter(team, memory.logits, shape.vocabulary(), memory.normed, width, rows,
                    embedding.gradient());
            unembedding.apply(team, memory.logits, rows, dNormed);
        } else {
            spread(batch, dNormed);
        }
        RowNorm.clear(team, memory.dx, rows * width);
        RowNorm.backward(team, memory.last, rows, lastGain, memory.lastInverse, dNormed, memory.dx);
        for (int layer = layers.size() - 1; layer >= 0; layer--) {
            if (memory.again) {
                layers.get(layer).again(team, batch, memory.kept[layer], memory.work);
            }
            layers.get(layer).backward(team, batch, attention, memory.kept[layer], memory.work, memory.dx);
        }
        // Rows of a token are added by one thread, in their order.
        float[] gradient = embedding.gradient();
        int columns = MatrixProduct.COLUMN_MULTIPLE;
        team.forEach(width / columns, (slice, scratch) -> {
            for (int r = 0; r < rows; r++) {
                int to = batch.tokens()[r] * width;
                for (int c = slice * columns; c < (slice + 1) * columns; c++) {
                    gradient[to + c] += memory.dx[r * width + c];
                }
            }
        });
    }

    /** The gradient of an encoder's loss by its rows, all rows of a sequence having the same share of their mean. */
    private void spread(Batch batch, float[] dNormed) {
        int width = shape.width();
        classifier.addGradient(team, pooled(batch), memory.logits, batch.sequences());
        float[] dPooled = new float[batch.sequences() * width];
        classifier.applyTransposed(team, memory.logits, batch.sequences(), dPooled);
        team.forEach(batch.sequences(), (s, scratch) -> {
            int valid = batch.valid(s);
            int start = s * batch.length();
            for (int r = start; r < start + valid; r++) {
                for (int c = 0; c < width; c++) {
                    dNormed[r * width + c] = dPooled[s * width + c] / valid;
                }
            }
            Arrays.fill(dNormed, (start + valid) * width, (start + batch.length()) * width, 0);
        });
    }

    /** Frees the packed weights and gives the threads back. */
    @Override
    public void close() {
        Crews.end(engine, team);
        arena.close();
    }
}
