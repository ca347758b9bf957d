package dev.kdeformer.langchain4j;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.onnx.OnnxOptions;
import dev.kdeformer.onnx.OnnxOutputs;
import dev.kdeformer.onnx.OnnxTransformer;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.DimensionAwareEmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An embedding model in an ONNX file for texts as long as the model takes, in memory that grows with their length and
 * not with its square. A text is split only where it is longer than the positions that the model has, or than
 * {@link Builder#maxTokens}; the vectors of its parts are then averaged by their lengths. May be used from many threads
 * at once.
 */
public final class LongEmbeddingModel extends DimensionAwareEmbeddingModel implements AutoCloseable {
    private final OnnxTransformer transformer;
    private final HuggingFaceTokenizer tokenizer;
    private final Pooling pooling;
    private final AttentionMethod method;
    private final int maxTokens;

    private LongEmbeddingModel(Builder builder) throws IOException, OrtException {
        System.setProperty("ai.djl.offline", "true"); // it would look for a newer native library on the net
        tokenizer = HuggingFaceTokenizer.newInstance(builder.tokenizer, Map.of("truncation", "false", "padding",
                "false", "modelMaxLength", String.valueOf(Integer.MAX_VALUE)));
        try {
            transformer = OnnxTransformer.open(builder.model, builder.options);
        } catch (IOException | OrtException | RuntimeException | Error e) {
            tokenizer.close();
            throw e;
        }
        pooling = builder.pooling;
        method = builder.method;
        int limit = transformer.positions() > 0 ? transformer.positions() : Integer.MAX_VALUE;
        maxTokens = Math.min(builder.maxTokens, limit);
    }

    /** A model of a file and the tokenizer.json that belongs to it. */
    public static Builder builder(Path model, Path tokenizer) {
        return new Builder(model, tokenizer);
    }

    /** The most tokens that are embedded in one piece, the first and last special ones included. */
    public int maxTokens() {
        return maxTokens;
    }

    /**
     * Embeds texts one after the other. The vectors have length 1.
     *
     * @throws IllegalStateException if ONNX Runtime fails
     */
    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        List<Embedding> embeddings = new ArrayList<>();
        int tokens = 0;
        for (TextSegment segment : segments) {
            Encoding encoding = tokenizer.encode(segment.text());
            tokens += encoding.getIds().length;
            embeddings.add(embed(encoding.getIds()));
        }
        return Response.from(embeddings, new TokenUsage(tokens));
    }

    private Embedding embed(long[] ids) {
        double[] sum = null;
        for (long[] part : parts(ids)) {
            float[] vector = run(part);
            sum = sum == null ? new double[vector.length] : sum;
            for (int i = 0; i < vector.length; i++) {
                sum[i] += (double) vector[i] * part.length;
            }
        }
        float[] embedding = new float[sum.length];
        double norm = Math.sqrt(Arrays.stream(sum).map(value -> value * value).sum());
        for (int i = 0; i < embedding.length; i++) {
            embedding[i] = (float) (norm == 0 ? 0 : sum[i] / norm);
        }
        return Embedding.from(embedding);
    }

    /** The tokens in pieces of about the same length, each between the special tokens that the whole is between. */
    private List<long[]> parts(long[] ids) {
        if (ids.length <= maxTokens) {
            return List.of(ids);
        }
        int inner = ids.length - 2;
        int count = Math.ceilDiv(inner, maxTokens - 2);
        List<long[]> parts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) inner * i / count);
            int to = (int) ((long) inner * (i + 1) / count);
            long[] part = new long[to - from + 2];
            part[0] = ids[0];
            System.arraycopy(ids, 1 + from, part, 1, to - from);
            part[part.length - 1] = ids[ids.length - 1];
            parts.add(part);
        }
        return parts;
    }

    private float[] run(long[] ids) {
        Map<String, OnnxTensorLike> inputs = new LinkedHashMap<>();
        try {
            for (String name : transformer.inputs().keySet()) {
                long[] values = name.contains("mask") ? filled(ids.length) : name.contains("type")
                        ? new long[ids.length] : name.contains("position") ? counted(ids.length) : ids;
                inputs.put(name, OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), LongBuffer.wrap(values),
                        new long[] {1, ids.length}));
            }
            try (OnnxOutputs outputs = transformer.run(inputs, method)) {
                return pooled(outputs, ids.length);
            }
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime: " + e.getMessage(), e);
        } finally {
            inputs.values().forEach(OnnxTensorLike::close);
        }
    }

    private static long[] filled(int length) {
        long[] ones = new long[length];
        Arrays.fill(ones, 1);
        return ones;
    }

    private static long[] counted(int length) {
        long[] numbers = new long[length];
        Arrays.setAll(numbers, i -> i);
        return numbers;
    }

    /** The first output that holds a vector for each token, pooled; else the first that is a single vector. */
    private float[] pooled(OnnxOutputs outputs, int tokens) {
        float[] single = null;
        for (OnnxValue value : outputs.values().values()) {
            if (!(value instanceof OnnxTensor tensor) || !(tensor.getInfo() instanceof TensorInfo info)) {
                continue;
            }
            long[] sizes = info.getShape();
            FloatBuffer elements = tensor.getFloatBuffer();
            if (elements != null && sizes.length == 3 && sizes[1] == tokens) {
                return pool(elements, tokens, (int) sizes[2]);
            }
            if (elements != null && sizes.length == 2 && single == null) {
                single = new float[elements.remaining()];
                elements.get(single);
            }
        }
        if (single == null) {
            throw new IllegalStateException("the model has no output that is an embedding");
        }
        return single;
    }

    private float[] pool(FloatBuffer elements, int tokens, int columns) {
        float[] vector = new float[columns];
        int rows = pooling == Pooling.CLS ? 1 : tokens;
        for (int c = 0; c < columns; c++) {
            double sum = 0;
            for (int i = 0; i < rows; i++) {
                sum += elements.get(i * columns + c);
            }
            vector[c] = (float) (sum / rows);
        }
        return vector;
    }

    /** Frees the model. */
    @Override
    public void close() {
        transformer.close();
        tokenizer.close();
    }

    /** Gathers what a model needs. */
    public static final class Builder {
        private final Path model;
        private final Path tokenizer;
        private Pooling pooling = Pooling.MEAN;
        private AttentionMethod method = ExactAttention.builder().build();
        private OnnxOptions options = OnnxOptions.defaults();
        private int maxTokens = Integer.MAX_VALUE;

        private Builder(Path model, Path tokenizer) {
            this.model = Objects.requireNonNull(model, "model");
            this.tokenizer = Objects.requireNonNull(tokenizer, "tokenizer");
        }

        /** How the vectors of the tokens become one (default: their mean). */
        public Builder pooling(Pooling how) {
            pooling = Objects.requireNonNull(how, "pooling");
            return this;
        }

        /** The attention method (default: exact). */
        public Builder method(AttentionMethod attention) {
            method = Objects.requireNonNull(attention, "method");
            return this;
        }

        /** How the model is opened. */
        public Builder options(OnnxOptions how) {
            options = Objects.requireNonNull(how, "options");
            return this;
        }

        /**
         * The most tokens to embed in one piece (default: as many as the model has positions for, no limit where the
         * file does not tell).
         *
         * @throws IllegalArgumentException if that is fewer than 3
         */
        public Builder maxTokens(int tokens) {
            if (tokens < 3) {
                throw new IllegalArgumentException("maxTokens must be at least 3, got " + tokens);
            }
            maxTokens = tokens;
            return this;
        }

        /**
         * Opens the model.
         *
         * @throws IOException  if a file cannot be read or is not what it should be
         * @throws OrtException if ONNX Runtime does not take the model
         */
        public LongEmbeddingModel build() throws IOException, OrtException {
            return new LongEmbeddingModel(this);
        }
    }
}
