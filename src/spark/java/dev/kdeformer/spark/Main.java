package dev.kdeformer.spark;

import dev.kdeformer.Attention;
import dev.kdeformer.Calibration;
import dev.kdeformer.ErrorBudget;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Attention from files to files, for {@code spark-submit}, with the options of {@code kdebench run}: tensors in .npy or
 * .safetensors files or Parquet files in both layouts, on any file system that Hadoop knows. Before it starts it prints
 * the plan, what travels, what a task takes and the memory overhead that this asks for. What is wrong is one line on
 * the error stream; the exit code is 2 for wrong usage and 1 for a failure.
 */
public final class Main {
    private static final Set<String> INPUTS = Set.of("--q", "--k", "--v", "--safetensors", "--tokens", "--queries",
            "--keys");

    private final Arguments arguments;
    private final SparkSession session;
    private final PrintStream out;
    /** Dimensions of the output but for its columns; null where it is a folder. */
    private int[] dimensions;

    private Main(Arguments arguments, SparkSession session, PrintStream out) {
        this.arguments = arguments;
        this.session = session;
        this.out = out;
    }

    /** Runs, and ends the virtual machine where something is wrong. */
    public static void main(String[] args) {
        int code = run(args, null, System.out, System.err);
        if (code != 0) {
            System.exit(code);
        }
    }

    /**
     * Runs.
     *
     * @param given a session to use, which stays open; null for one of its own
     * @return the exit code
     */
    static int run(String[] args, SparkSession given, PrintStream out, PrintStream err) {
        try {
            Arguments arguments = new Arguments(args);
            if (arguments.has("--help")) {
                out.print(Arguments.help());
                return 0;
            }
            checkUsage(arguments);
            SparkSession session = given == null ? SparkSession.builder().appName("kdeformer").getOrCreate() : given;
            try {
                new Main(arguments, session, out).run();
            } finally {
                if (given == null) {
                    session.stop();
                }
            }
            return 0;
        } catch (IllegalArgumentException e) {
            err.println("kdeformer-spark: " + e.getMessage());
            return 2;
        } catch (Exception | FSError | OutOfMemoryError e) {
            // Hadoop throws an error of its own where a local disk is full.
            err.println("kdeformer-spark: " + cause(e));
            return 1;
        }
    }

    /** What happened, without the stack that Spark puts into its messages. */
    private static String cause(Throwable failure) {
        Throwable inner = failure;
        while (inner.getCause() != null && inner.getCause() != inner) {
            inner = inner.getCause();
        }
        String message = inner.getMessage() == null ? inner.getClass().getSimpleName() : inner.getMessage();
        return message.lines().findFirst().orElse(message).trim();
    }

    private static void checkUsage(Arguments arguments) {
        if (!arguments.hasOnly(INPUTS, "--q", "--k", "--v") && !arguments.hasOnly(INPUTS, "--safetensors")
                && !arguments.hasOnly(INPUTS, "--tokens") && !arguments.hasOnly(INPUTS, "--queries", "--keys")) {
            throw new IllegalArgumentException("input must be --q, --k and --v, or --safetensors, or --tokens, or"
                    + " --queries and --keys");
        }
        boolean tensors = arguments.has("--q") || arguments.has("--safetensors");
        if (arguments.has("--names") && !arguments.has("--safetensors")) {
            throw new IllegalArgumentException("--names needs --safetensors");
        }
        if (arguments.has("--key-lengths") && !tensors) {
            throw new IllegalArgumentException("--key-lengths is for tensors");
        }
        if (!arguments.has("--out") && !arguments.has("--estimate")) {
            throw new IllegalArgumentException("--out must say where results go");
        }
        if (!tensors && ResultFile.isTensor(arguments.text("--out", ""))) {
            throw new IllegalArgumentException("--out must be a folder where the input is Parquet files, got "
                    + arguments.text("--out", ""));
        }
        method(arguments).make(0);
    }

    /** The method of the arguments. */
    private static MethodSource method(Arguments arguments) {
        String name = arguments.text("--method", "exact");
        int near = arguments.has("--near") ? arguments.count("--near", 0) : 0;
        int columns = arguments.has("--columns") ? arguments.count("--columns", 0) : 0;
        double budget = arguments.number("--budget", 0);
        Map<String, Set<String>> taken = Map.of("exact", Set.of(), "pilot", Set.of("--near", "--columns", "--budget",
                "--calibration"),
                "auto", Set.of("--budget"), "kdeformer", Set.of("--columns"), "hyper", Set.of("--columns"));
        if (!taken.containsKey(name)) {
            throw new IllegalArgumentException("--method must be exact, pilot, auto, kdeformer or hyper, got " + name);
        }
        for (String option : List.of("--near", "--columns", "--budget", "--calibration")) {
            if (arguments.has(option) && !taken.get(name).contains(option)) {
                throw new IllegalArgumentException("method " + name + " has no " + option);
            }
        }
        if (arguments.has("--calibration") && arguments.has("--budget")) {
            throw new IllegalArgumentException("--calibration is for its own budget, --budget must not be given");
        }
        ErrorBudget error = arguments.has("--budget") ? ErrorBudget.relativeSpectral(budget) : null;
        double relative = error == null ? 0 : budget;
        return switch (name) {
            case "exact" -> seed -> Attention.exact().build();
            case "pilot" -> seed -> {
                var builder = Attention.pilot().seed(seed).columns(columns).budget(budgetOf(relative));
                return near > 0 ? builder.near(near).build() : builder.build();
            };
            case "auto" -> seed -> relative > 0 ? Attention.auto().seed(seed).budget(budgetOf(relative)).build()
                    : Attention.auto().seed(seed).build();
            case "kdeformer" -> seed -> columns > 0 ? Attention.kdeformer().seed(seed).columns(columns).build()
                    : Attention.kdeformer().seed(seed).build();
            default -> seed -> columns > 0 ? Attention.hyper().seed(seed).columns(columns).build()
                    : Attention.hyper().seed(seed).build();
        };
    }

    private Calibration calibration(String file) throws IOException {
        Path path = new Path(file);
        try (InputStream stream = path.getFileSystem(session.sparkContext().hadoopConfiguration()).open(path)) {
            return Calibration.parse(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    private static ErrorBudget budgetOf(double relative) {
        return relative > 0 ? ErrorBudget.relativeSpectral(relative) : null;
    }

    private void run() throws IOException {
        ResultFile target = arguments.has("--out") ? new ResultFile(session, arguments.text("--out", "")) : null;
        SparkAttention.Builder options = SparkAttention.builder().method(method(arguments))
                .seed(arguments.whole("--seed", 0)).blockRows(arguments.count("--block-rows", 4096))
                .shardBytes((long) arguments.count("--shard-mb", 512) << 20);
        if (arguments.has("--calibration")) {
            int near = arguments.has("--near") ? arguments.count("--near", 0) : 0;
            int columns = arguments.has("--columns") ? arguments.count("--columns", 0) : 0;
            options.method((seed, efforts) -> {
                var builder = Attention.pilot().seed(seed).columns(columns).budget(budgetOf(efforts.budget()))
                        .calibration(efforts);
                return near > 0 ? builder.near(near).build() : builder.build();
            }, calibration(arguments.text("--calibration", "")));
        }
        if (arguments.has("--scale")) {
            options.scale((float) arguments.number("--scale", 0));
        }
        if (arguments.has("--causal")) {
            options.causal();
        }
        if (arguments.has("--parts")) {
            options.parts(arguments.count("--parts", 1));
        }
        if (arguments.has("--plan")) {
            options.plan(plan(arguments.text("--plan", "")));
        }
        boolean parquet = arguments.has("--tokens") || arguments.has("--queries");
        AttentionJob job = parquet ? parquet(options) : tensors(options);
        out.println(job.describe());
        out.println(job.advice());
        if (!arguments.has("--estimate")) {
            session.sparkContext().setJobDescription("attention");
            target.write(job.results(), dimensions, job.columns());
        }
    }

    private static Plan plan(String name) {
        try {
            return Plan.valueOf(name.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--plan must be queries, shards, keys, parts or heads, got " + name);
        }
    }

    private AttentionJob parquet(SparkAttention.Builder options) {
        Dataset<Row> first = session.read().parquet(arguments.text("--tokens", arguments.text("--queries", "")));
        options.layout(Columns.has(first, Columns.START) ? Layout.BLOCKS : Layout.ROWS);
        return arguments.has("--tokens") ? options.build().job(first)
                : options.build().job(first, session.read().parquet(arguments.text("--keys", "")));
    }

    private AttentionJob tensors(SparkAttention.Builder options) throws IOException {
        Configuration configuration = session.sparkContext().hadoopConfiguration();
        TensorFile[] three = new TensorFile[3];
        Map<String, String> names = names();
        for (int i = 0; i < three.length; i++) {
            String letter = List.of("q", "k", "v").get(i);
            three[i] = arguments.has("--safetensors")
                    ? TensorFile.safetensors(arguments.text("--safetensors", ""), names.get(letter), configuration)
                    : TensorFile.npy(arguments.text("--" + letter, ""), configuration);
        }
        TensorFile.Shape4 q = three[0].shape();
        TensorFile.Shape4 k = three[1].shape();
        TensorFile.Shape4 v = three[2].shape();
        if (q.batch() != k.batch() || q.columns() != k.columns() || q.heads() % k.heads() != 0
                || v.batch() != k.batch() || v.heads() != k.heads() || v.rows() != k.rows()) {
            throw new IllegalArgumentException("queries, keys and values must fit together, got " + q + ", " + k
                    + " and " + v);
        }
        int group = q.heads() / k.heads();
        if (arguments.has("--key-lengths")) {
            options.keyLengths(lengths(k));
        }
        dimensions = ResultFile.isTensor(arguments.text("--out", ""))
                ? new int[] {q.batch(), q.heads(), q.rows()} : null;
        // The last query stands at the last key.
        long later = (long) k.rows() - q.rows();
        int blockRows = arguments.count("--block-rows", 4096);
        return options.layout(Layout.BLOCKS).groupSize(group).build().job(
                TensorBlocks.queries(session, three[0], Math.max(0, later), blockRows),
                TensorBlocks.keys(session, three[1], three[2], Math.max(0, -later), blockRows));
    }

    private Map<String, String> names() {
        Map<String, String> names = new HashMap<>(Map.of("q", "q", "k", "k", "v", "v"));
        if (arguments.has("--names")) {
            for (String each : arguments.list("--names")) {
                int equals = each.indexOf('=');
                if (equals != 1 || names.put(each.substring(0, 1), each.substring(2)) == null) {
                    throw new IllegalArgumentException("--names must be q=NAME,k=NAME,v=NAME, got " + each);
                }
            }
        }
        return names;
    }

    private Map<Integer, Long> lengths(TensorFile.Shape4 keys) {
        List<String> given = arguments.list("--key-lengths");
        if (given.size() != keys.batch()) {
            throw new IllegalArgumentException("--key-lengths must be given for each of the " + keys.batch()
                    + " batch items, got " + given.size());
        }
        Map<Integer, Long> lengths = new TreeMap<>();
        for (int head = 0; head < keys.allHeads(); head++) {
            String length = given.get(head / keys.heads());
            try {
                lengths.put(head, Long.parseLong(length));
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("--key-lengths must be whole numbers, got " + length);
            }
        }
        return lengths;
    }
}
