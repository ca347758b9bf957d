package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.decode.CacheElement;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.decode.SparseDecoding;
import dev.kdeformer.measure.CheckedRows;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.runtime.MachineProbe;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Fills a cache with the keys of an input and decodes queries of it one by one, in turns exactly and approximately. */
public final class DecodeBench {
    /** Rows of one append where the cache grows. */
    static final int APPENDED = 64;

    private static final String SPARSE = "sparse";

    private static final long PURPOSE = 0x636865636b73L; // "checks", so that no other user of the seed draws the same

    private final Engine engine;
    private final NamedInput named;
    private final AttentionInput input;
    private final Options options;
    private final List<Budgeted> methods;

    /** Prepares a comparison of exact decoding with sparse decoding by some methods. */
    public DecodeBench(Engine engine, NamedInput named, Options options, List<Budgeted> methods) {
        this.engine = engine;
        this.named = named;
        this.input = named.input();
        this.options = options;
        this.methods = methods;
    }

    /** The elements that names stand for, float32 first since the others are compared with it. */
    public static List<CacheElement> elements(List<String> names) {
        Set<CacheElement> elements = new LinkedHashSet<>();
        elements.add(CacheElement.FLOAT32);
        for (String each : names) {
            elements.add(Arrays.stream(CacheElement.values()).filter(element -> name(element).equals(each)).findFirst()
                    .orElseThrow(() -> new UsageError("--cache must be float32, bfloat16 or int8, got " + each)));
        }
        return List.copyOf(elements);
    }

    /**
     * Approximate decoding with a budget.
     *
     * @param method   as it is timed
     * @param checking the same, each row exactly as well
     */
    public record Budgeted(double budget, SparseDecoding method, SparseDecoding checking) {
    }

    /** One line of the table: a cache of some element, decoded exactly (null) or within a budget. */
    private record Kind(CacheElement element, Budgeted method) {
    }

    /**
     * How to decode approximately.
     *
     * @param budgets parts of the cache's bytes to read
     * @param target  the error to stop at, or 0
     * @param checks  queries to decode exactly as well
     */
    public record Sparse(double[] budgets, double target, int checks) {
    }

    /** What is to be measured; caches of float32 first. */
    public record Options(int queries, List<CacheElement> elements, Sparse sparse, boolean observe, TurnsOptions turns,
            long seed) {
        /**
         * The ways to decode besides the exact one.
         *
         * @throws UsageError if an option is out of range
         */
        public List<Budgeted> methods() {
            if (queries < 1) {
                throw new UsageError("--queries must be at least 1, got " + queries);
            }
            if (sparse.checks() < 0) {
                throw new UsageError("--checks must be at least 0, got " + sparse.checks());
            }
            List<Budgeted> methods = new ArrayList<>();
            for (double budget : sparse.budgets()) {
                try {
                    methods.add(new Budgeted(budget, method(budget, 0), method(budget, 1)));
                } catch (IllegalArgumentException e) {
                    throw new UsageError("--" + e.getMessage().replace("targetError", "target-error"));
                }
            }
            return methods;
        }

        private SparseDecoding method(double budget, double checkedPart) {
            return SparseDecoding.builder().budget(budget).targetError(sparse.target()).checks(checkedPart)
                    .seed(seed).build();
        }
    }

    /** Fills caches and decodes from each of them in turns. */
    public DecodeReport run(Progress progress) {
        double held = 0;
        for (CacheElement element : options.elements()) {
            held += 1.25 * bytes(element);
        }
        Machine.requireMemory(named.bytes() + held + 1.25 * bytes(CacheElement.FLOAT32), "this run");
        progress.stage("growing a cache");
        double growMs = grow();
        if (options.turns().warmUpSeconds() > 0) {
            growMs = Math.min(growMs, grow());
        }
        List<KeyValueCache> caches = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            double fillMs = 0;
            for (CacheElement element : options.elements()) {
                progress.stage("filling a cache of " + name(element));
                KeyValueCache cache = cache(element);
                caches.add(cache);
                long start = System.nanoTime();
                cache.append(engine, input.key(), input.value());
                fillMs = caches.size() == 1 ? (System.nanoTime() - start) / 1e6 : fillMs;
            }
            return run(arena, caches, fillMs, growMs, progress);
        } finally {
            caches.forEach(KeyValueCache::close);
        }
    }

    private double bytes(CacheElement element) {
        double rows = (double) input.keys() * input.kvHeads() * input.batch();
        return rows * (element.rowBytes(input.d()) + element.rowBytes(input.dv()));
    }

    /** The name of an element as the command line spells it. */
    public static String name(CacheElement element) {
        return element.name().toLowerCase(Locale.ROOT);
    }

    /** An empty cache that has seen the queries if it is to. */
    private KeyValueCache cache(CacheElement element) {
        Shape key = input.key().shape();
        KeyValueCache cache = KeyValueCache.createIndexed(key.batch(), key.heads(), input.d(), input.dv(), element);
        if (options.observe()) {
            cache.observe(engine, input.query());
        }
        return cache;
    }

    /** Milliseconds to append all keys a few at a time. */
    private double grow() {
        try (KeyValueCache cache = cache(options.elements().get(0))) {
            long start = System.nanoTime();
            for (int at = 0; at < input.keys(); at += APPENDED) {
                int rows = Math.min(APPENDED, input.keys() - at);
                cache.append(engine, input.key().rows(at, rows), input.value().rows(at, rows));
            }
            return (System.nanoTime() - start) / 1e6;
        }
    }

    private DecodeReport run(Arena arena, List<KeyValueCache> caches, double fillMs, double growMs,
            Progress progress) {
        int count = Math.min(options.queries(), input.queries());
        Shape shape = Shape.of(input.batch(), input.heads(), count, input.dv());
        Tensor exact = Tensor.allocate(arena, shape);
        Tensor output = Tensor.allocate(arena, shape);
        List<Kind> kinds = new ArrayList<>();
        List<Runnable> calls = new ArrayList<>();
        List<DecodeReport.Read> statistics = new ArrayList<>();
        List<ErrorReport> errors = new ArrayList<>();
        for (int c = 0; c < caches.size(); c++) {
            KeyValueCache cache = caches.get(c);
            Tensor result = c == 0 ? exact : output;
            kinds.add(new Kind(cache.element(), null));
            calls.add(() -> forEach(count, (query, row) -> cache.decode(engine, query, result.rows(row, 1), null,
                    input.scale())));
            progress.stage("warming up exact decoding");
            Turns.warmUp(calls.get(calls.size() - 1), options.turns().warmUpSeconds());
            statistics.add(new DecodeReport.Read(cache.length(), 1, 0, rowError(result, exact), CheckedRows.none()));
            errors.add(ErrorReport.of(engine, result, exact));
            for (Budgeted each : methods) {
                progress.stage("warming up with budget " + each.budget());
                List<SparseDecoding.Statistics> rows = new ArrayList<>();
                Runnable call = () -> {
                    rows.clear();
                    forEach(count, (query, row) -> rows.add(each.method().apply(engine, cache, query,
                            output.rows(row, 1), null, input.scale())));
                };
                Turns.warmUp(call, options.turns().warmUpSeconds());
                kinds.add(new Kind(cache.element(), each));
                double rowError = rowError(output, exact);
                errors.add(ErrorReport.of(engine, output, exact));
                progress.stage("checking budget " + each.budget());
                statistics.add(mean(rows, rowError, check(cache, each, output.rows(0, 1), count)));
                calls.add(call);
            }
        }
        List<Times> times = Turns.take(calls, options.turns().rounds(), index -> progress.stage("timing"));
        double bandwidth = Double.NaN;
        if (options.turns().warmUpSeconds() > 0) {
            progress.stage("measuring the memory");
            bandwidth = MachineProbe.readGigabytes(engine.threads());
        }
        return report(new DecodeReport.Cache(caches.get(0).length(), caches.stream().map(KeyValueCache::bytes)
                .toList(), fillMs, growMs, bandwidth), count, kinds, statistics, errors, times);
    }

    private DecodeReport report(DecodeReport.Cache cache, int count, List<Kind> kinds,
            List<DecodeReport.Read> statistics, List<ErrorReport> errors, List<Times> times) {
        List<Report.Run> runs = new ArrayList<>();
        List<Double> bytes = new ArrayList<>();
        for (int i = 0; i < times.size(); i++) {
            Kind kind = kinds.get(i);
            Map<String, Object> parameters = new LinkedHashMap<>();
            parameters.put("cache", name(kind.element()));
            if (kind.method() != null) {
                parameters.put("budget", kind.method().budget());
                parameters.put("targetError", options.sparse().target());
                parameters.put("checks", options.sparse().checks());
            }
            Times each = new Times(times.get(i).medianMs() / count, times.get(i).minMs() / count);
            Report.Setting setting = new Report.Setting(kind.method() == null ? Methods.EXACT : SPARSE, parameters,
                    engine.threads(), options.seed());
            Report.Spent spent = new Report.Spent(statistics.get(i).keysRead(), statistics.get(0).keysRead(), each,
                    times.get(0).medianMs() / times.get(i).medianMs());
            runs.add(new Report.Run(setting, spent, errors.get(i), null, ""));
            bytes.add(bytes(kind.element()));
        }
        return new DecodeReport(new Report(named, runs), statistics, count, options.sparse().target(), bytes, cache);
    }

    /** One way to decode. */
    private interface Decoding {
        void decode(Tensor query, int row);
    }

    private void forEach(int count, Decoding decoding) {
        for (int row = 0; row < count; row++) {
            decoding.decode(query(row, count), row);
        }
    }

    /** One of {@code count} queries that are spread over the input. */
    private Tensor query(int index, int count) {
        return input.query().rows(count == 1 ? 0 : (int) ((long) index * (input.queries() - 1) / (count - 1)), 1);
    }

    /** The errors of some of the queries, each over all its heads. */
    private CheckedRows check(KeyValueCache cache, Budgeted method, Tensor output, int count) {
        List<Double> squares = new ArrayList<>();
        int checks = Math.min(count, options.sparse().checks());
        int[] drawn = CounterRandom.of(options.seed()).stream(PURPOSE).sample(count, checks);
        for (int index : drawn) {
            double error = method.checking().apply(engine, cache, query(index, count), output, null, input.scale())
                    .checked().error();
            squares.add(error * error);
        }
        return new CheckedRows(count, squares);
    }

    /** The root mean square over all rows of ‖õ − o‖ / ‖o‖. */
    private static double rowError(Tensor close, Tensor exact) {
        Shape shape = exact.shape();
        double sum = 0;
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                for (int i = 0; i < shape.rows(); i++) {
                    double difference = 0;
                    double square = 0;
                    for (int c = 0; c < shape.columns(); c++) {
                        double o = exact.matrix(b, h).get(i, c);
                        difference += Math.pow(close.matrix(b, h).get(i, c) - o, 2);
                        square += o * o;
                    }
                    sum += difference == 0 ? 0 : difference / square;
                }
            }
        }
        return Math.sqrt(sum / shape.batch() / shape.heads() / shape.rows());
    }

    private static DecodeReport.Read mean(List<SparseDecoding.Statistics> rows, double rowError, CheckedRows checked) {
        double keys = 0;
        double bytes = 0;
        double predicted = 0;
        for (SparseDecoding.Statistics row : rows) {
            keys += row.keysRead();
            bytes += row.bytesRead();
            predicted += row.predictedError() * row.predictedError();
        }
        int n = rows.size();
        return new DecodeReport.Read(keys / n, bytes / n, Math.sqrt(predicted / n), rowError, checked);
    }
}
