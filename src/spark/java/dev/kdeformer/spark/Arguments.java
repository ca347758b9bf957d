package dev.kdeformer.spark;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The arguments of {@link Main}: options with a value each, and a few without. */
final class Arguments {
    /** Options with a value, and what it is. */
    private static final Map<String, String> VALUED = new LinkedHashMap<>();

    private static final Map<String, String> BARE = new LinkedHashMap<>();

    static {
        VALUED.put("--q", "FILE.npy  queries, (n, d), (heads, n, d) or (batch, heads, n, d)");
        VALUED.put("--k", "FILE.npy  keys, (..., m, d)");
        VALUED.put("--v", "FILE.npy  values, (..., m, d_v)");
        VALUED.put("--safetensors", "FILE  all three in one file");
        VALUED.put("--names", "q=NAME,k=NAME,v=NAME  their names in it (default: q, k and v)");
        VALUED.put("--tokens", "FOLDER  Parquet files of queries, keys and values, rows or blocks");
        VALUED.put("--queries", "FOLDER  Parquet files of queries");
        VALUED.put("--keys", "FOLDER  Parquet files of keys and values");
        VALUED.put("--method", "NAME  exact, pilot, auto, kdeformer or hyper (default: exact)");
        VALUED.put("--near", "N  pilot's near keys");
        VALUED.put("--columns", "N  key evaluations per query of pilot, kdeformer and hyper");
        VALUED.put("--budget", "E  relative error that pilot and auto keep");
        VALUED.put("--calibration", "FILE.json  efforts of pilot's heads from kdebench calibrate, for their budget");
        VALUED.put("--scale", "X  factor before the logits (default: 1/sqrt(d))");
        VALUED.put("--key-lengths", "L,...  number of valid keys of each batch item of tensors");
        VALUED.put("--seed", "N  seed of the method (default: 0)");
        VALUED.put("--plan", "PLAN  queries, shards, keys, parts or heads (default: by the sizes)");
        VALUED.put("--parts", "N  parts of a head");
        VALUED.put("--block-rows", "N  rows of a block (default: 4096)");
        VALUED.put("--shard-mb", "N  most megabytes of keys in one piece (default: 512)");
        VALUED.put("--out", "TARGET  .npy, .safetensors, or a folder of Parquet files");
        BARE.put("--causal", "a query sees no later keys; of tensors, the last query sees all");
        BARE.put("--estimate", "say what would run and what it needs, and end");
        BARE.put("--help", "these options");
    }

    private final Map<String, String> given = new LinkedHashMap<>();

    /**
     * Reads arguments.
     *
     * @throws IllegalArgumentException in a sentence, if one is unknown, there twice or without its value
     */
    Arguments(String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            int equals = arguments[i].indexOf('=');
            String name = equals > 0 ? arguments[i].substring(0, equals) : arguments[i];
            boolean bare = BARE.containsKey(arguments[i]);
            if (!bare && !VALUED.containsKey(name)) {
                throw new IllegalArgumentException("unknown option " + arguments[i] + "; --help lists them");
            }
            if (!bare && equals < 0 && i + 1 == arguments.length) {
                throw new IllegalArgumentException(name + " needs a value");
            }
            String value = bare ? "" : equals > 0 ? arguments[i].substring(equals + 1) : arguments[++i];
            if (given.put(name, value) != null) {
                throw new IllegalArgumentException(name + " is there twice");
            }
        }
    }

    boolean has(String name) {
        return given.containsKey(name);
    }

    /** Whether exactly these of some options are there. */
    boolean hasOnly(Set<String> of, String... names) {
        return Set.of(names).equals(Set.copyOf(of.stream().filter(this::has).toList()));
    }

    String text(String name, String otherwise) {
        return given.getOrDefault(name, otherwise);
    }

    long whole(String name, long otherwise) {
        try {
            return has(name) ? Long.parseLong(given.get(name)) : otherwise;
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " must be a whole number, got " + given.get(name));
        }
    }

    /** A whole number that an int holds. */
    int count(String name, int otherwise) {
        long value = whole(name, otherwise);
        if (value < 1 || value > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + " must be between 1 and " + Integer.MAX_VALUE + ", got " + value);
        }
        return (int) value;
    }

    double number(String name, double otherwise) {
        try {
            return has(name) ? Double.parseDouble(given.get(name)) : otherwise;
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " must be a number, got " + given.get(name));
        }
    }

    List<String> list(String name) {
        return Arrays.asList(given.get(name).split(",", -1));
    }

    static String help() {
        StringBuilder text = new StringBuilder("spark-submit [OPTIONS OF SPARK] --class ").append(Main.class.getName())
                .append(" kdeformer-spark.jar [OPTIONS]\n");
        VALUED.forEach((name, what) -> text.append("  ").append(name).append(' ').append(what).append('\n'));
        BARE.forEach((name, what) -> text.append("  ").append(name).append("  ").append(what).append('\n'));
        return text.toString();
    }
}
