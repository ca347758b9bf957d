package dev.kdeformer.cli;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.MethodOption;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.decode.SparseDecoding;
import dev.kdeformer.exact.ExactGradient;
import dev.kdeformer.io.Npy;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/**
 * One piece of work that follows from a seed alone: a method with random options on a random input, gradients, the life
 * of a cache, a kernel density, or a tensor through a file. Two runs of the same seed give the same checksum, whatever
 * engine they run on. All memory that it takes is freed at its end.
 */
final class RandomCall {
    /** The most multiply-adds that exact attention would need for an input. */
    private static final double MOST_WORK = 3e8;

    private final SplittableRandom random;
    private final Engine engine;
    private final Arena arena;
    private final Path folder;
    private final CRC32C checksum = new CRC32C();
    private final StringBuilder what = new StringBuilder();

    private RandomCall(long seed, Engine engine, Arena arena, Path folder) {
        this.random = new SplittableRandom(seed);
        this.engine = engine;
        this.arena = arena;
        this.folder = folder;
    }

    /**
     * What a run gave.
     *
     * @param kind     what was called, for counts
     * @param what     the call in words, for messages
     * @param checksum of all results, or of the message of a refusal
     */
    record Result(String kind, String what, long checksum) {
    }

    /**
     * Runs the work of a seed.
     *
     * @param folder for files, which are deleted again
     */
    static Result run(long seed, Engine engine, Path folder) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            RandomCall call = new RandomCall(seed, engine, arena, folder);
            String kind = call.run();
            return new Result(kind, kind + call.what, call.checksum.getValue());
        }
    }

    private String run() throws IOException {
        switch (random.nextInt(10)) {
            case 0 -> {
                return gradient();
            }
            case 1, 2 -> {
                return cache();
            }
            case 3 -> {
                return density();
            }
            case 4 -> {
                return file();
            }
            default -> {
                return method();
            }
        }
    }

    private String method() {
        MethodEntry<?> entry = Methods.all().get(random.nextInt(Methods.all().size()));
        Map<String, String> options = new LinkedHashMap<>();
        for (MethodOption<?, ?> option : entry.options()) {
            if (random.nextInt(6) == 0) {
                options.put(option.name(), value(option.kind()));
            }
        }
        OptionalInt columns = random.nextInt(3) == 0 && options.isEmpty() ? OptionalInt.of(1 + random.nextInt(600))
                : OptionalInt.empty();
        long seed = random.nextLong();
        AttentionInput input = input();
        what.append(' ').append(options).append(' ').append(columns);
        Tensor output = Tensor.allocate(arena, input.outputShape());
        Tensor sums = random.nextBoolean() ? Tensor.allocate(arena, input.outputShape().withColumns(1)) : null;
        AttentionMethod.Statistics statistics;
        try {
            statistics = entry.make(columns.isPresent() && entry.takesEvaluations()
                            ? Allowance.evaluations(columns.getAsInt()) : Allowance.NONE, seed, options)
                    .apply(engine, input, output, sums);
        } catch (UsageError | IllegalArgumentException e) {
            add(e.getMessage());
            return "refused";
        }
        add(output);
        if (sums != null) {
            add(sums);
        }
        add(statistics.toString());
        return entry.name();
    }

    private String value(String kind) {
        if (kind.contains(" or ")) {
            String[] choices = kind.split(" or ");
            return choices[random.nextInt(choices.length)];
        }
        return kind.equals("a number") ? String.valueOf(random.nextDouble())
                : String.valueOf(random.nextInt(1 << (1 + random.nextInt(9))));
    }

    private String gradient() {
        AttentionInput input = input();
        Shape sums = input.outputShape().withColumns(1);
        Tensor output = Tensor.allocate(arena, input.outputShape());
        Tensor logSumExp = Tensor.allocate(arena, sums);
        Attention.exact().build().apply(engine, input, output, logSumExp);
        InputGradients gradients = InputGradients.allocate(arena, input);
        ExactGradient.builder().build().apply(engine, input, output, logSumExp, normal(input.outputShape()),
                gradients);
        gradients.tensors().forEach(this::add);
        return "gradient";
    }

    /** Appends, goes back and decodes, in random order. */
    private String cache() {
        int kvHeads = 1 + random.nextInt(3);
        int heads = kvHeads * (1 + random.nextInt(3));
        int d = size(80);
        int dv = size(80);
        boolean indexed = random.nextInt(4) > 0;
        what.append(" heads ").append(heads).append('/').append(kvHeads).append(" d ").append(d).append(" dv ")
                .append(dv).append(indexed ? " indexed" : "");
        try (KeyValueCache cache = indexed ? KeyValueCache.createIndexed(1, kvHeads, d, dv)
                : KeyValueCache.create(1, kvHeads, d, dv)) {
            for (int step = 0; step < 12; step++) {
                int rows = size(random.nextInt(4) == 0 ? 4000 : 80);
                cache.append(engine, normal(Shape.of(1, kvHeads, rows, d)), normal(Shape.of(1, kvHeads, rows, dv)));
                if (indexed && random.nextInt(6) == 0) {
                    cache.observe(engine, normal(Shape.of(1, heads, 5, d)));
                }
                if (random.nextInt(4) == 0) {
                    int back = random.nextInt(random.nextBoolean() ? cache.length() + 1 : Math.min(cache.length(), 64));
                    cache.truncate(engine, cache.length() - back);
                }
                decode(cache, heads, d, dv);
            }
            add(String.valueOf(cache.bytes()));
        }
        return "cache";
    }

    private void decode(KeyValueCache cache, int heads, int d, int dv) {
        Shape shape = Shape.of(1, heads, size(8), d);
        Tensor query = normal(shape);
        Tensor output = Tensor.allocate(arena, shape.withColumns(dv));
        Tensor sums = Tensor.allocate(arena, shape.withColumns(1));
        float scale = (float) (1 / Math.sqrt(d));
        cache.decode(engine, query, output, sums, scale);
        add(output);
        add(sums);
        if (cache.isIndexed()) {
            SparseDecoding sparse = SparseDecoding.builder().budget(0.05 + 0.5 * random.nextDouble())
                    .checks(random.nextBoolean() ? 0 : 0.3).seed(random.nextLong()).build();
            add(sparse.apply(engine, cache, query, output, sums, scale).toString());
            add(output);
            add(sums);
        }
    }

    private String density() {
        int d = size(24);
        Tensor points = normal(Shape.of(size(3000), d));
        Tensor queries = normal(Shape.of(size(200), d));
        Estimator estimator = Estimator.values()[random.nextInt(Estimator.values().length)];
        Kernel kernel = random.nextBoolean() ? Kernel.gaussian(0.2 + 3 * random.nextDouble())
                : Kernel.exponential(random.nextDouble());
        what.append(' ').append(estimator).append(' ').append(kernel).append(' ').append(points.shape());
        try (KernelDensity density = KernelDensity.builder().kernel(kernel).estimator(estimator)
                .relativeError(0.05 + 0.4 * random.nextDouble()).seed(random.nextLong()).build(engine, points)) {
            double[] sums = new double[queries.shape().rows()];
            add(density.query(engine, queries, sums).toString());
            for (double sum : sums) {
                add(Double.doubleToRawLongBits(sum));
            }
        }
        return "density";
    }

    /** A tensor that has to come back from a file as it was. */
    private String file() throws IOException {
        Tensor tensor = normal(Shape.of(1 + random.nextInt(2), 1 + random.nextInt(3), size(500), size(100)));
        Path file = Files.createTempFile(folder, "soak", ".npy");
        try {
            Npy.write(file, tensor);
            Tensor read = Npy.read(file, arena);
            if (read.segment().mismatch(tensor.segment()) >= 0) {
                throw new AssertionError("a tensor of shape " + tensor.shape() + " came back other than it was");
            }
            add(read);
        } finally {
            Files.delete(file);
        }
        return "file";
    }

    /** Anything a method has to take, of bounded work; logits may be large. */
    private AttentionInput input() {
        int batch = 1 + random.nextInt(2);
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(2));
        int most = random.nextInt(6) == 0 ? 6000 : 700;
        int m = size(most);
        int d = size(100);
        int dv = size(100);
        int n = random.nextInt(3) == 0 ? m : size(most);
        n = (int) Math.max(1, Math.min(n, MOST_WORK / ((double) batch * heads * m * (d + dv))));
        AttentionInput input = AttentionInput.of(normal(Shape.of(batch, heads, n, d)),
                normal(Shape.of(batch, kvHeads, m, d)), normal(Shape.of(batch, kvHeads, m, dv)));
        Mask mask = List.of(Mask.none(), Mask.none(), Mask.causal(), Mask.causalUpperLeft()).get(random.nextInt(4));
        if (random.nextInt(5) == 0) {
            int[] lengths = new int[batch];
            for (int i = 0; i < batch; i++) {
                lengths[i] = random.nextInt(m + 1);
            }
            mask = mask.withKeyLengths(lengths);
        }
        input = input.withMask(mask);
        if (random.nextInt(5) == 0) {
            input = input.withKeyBias(normal(Shape.of(1, kvHeads, 1, m)));
        }
        if (random.nextInt(4) == 0) {
            input = input.withScale((float) (random.nextGaussian() * 3));
        }
        what.append(" n ").append(n).append(" m ").append(m).append(" d ").append(d).append(" dv ").append(dv)
                .append(" heads ").append(batch).append('x').append(heads).append('/').append(kvHeads).append(' ')
                .append(input.mask()).append(input.keyBias() == null ? "" : " bias").append(" scale ")
                .append(input.scale());
        return input;
    }

    /** A whole number from 1 to {@code most}, small ones as likely as large ones. */
    private int size(int most) {
        return (int) Math.exp(random.nextDouble() * Math.log(most + 1));
    }

    private Tensor normal(Shape shape) {
        Tensor tensor = Tensor.allocate(arena, shape);
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                Matrix matrix = tensor.matrix(b, h);
                for (int r = 0; r < shape.rows(); r++) {
                    for (int c = 0; c < shape.columns(); c++) {
                        // A sum of uniform numbers is normal enough, and quick.
                        matrix.set(r, c, (random.nextInt() + (float) random.nextInt() + random.nextInt()) * 0x1p-31f);
                    }
                }
            }
        }
        return tensor;
    }

    private void add(Tensor tensor) {
        for (float x : tensor.toArray()) {
            checksum.update(Float.floatToRawIntBits(x));
            checksum.update(Float.floatToRawIntBits(x) >>> 8);
            checksum.update(Float.floatToRawIntBits(x) >>> 16);
            checksum.update(Float.floatToRawIntBits(x) >>> 24);
        }
    }

    private void add(long bits) {
        add(Long.toHexString(bits));
    }

    private void add(String text) {
        checksum.update(text.getBytes(StandardCharsets.UTF_8));
    }
}
