package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.StandardStreams;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.io.Npy;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where queries, keys and values come from, and how they are masked. */
public abstract class InputOptions {
    /** A long sequence on which exact attention takes about a second on one core. */
    public static final String DEFAULT_DATA = "glove-16384";
    private static final List<String> TENSORS = List.of("q", "k", "v");

    @Mixin
    private DataFolder dataFolder;

    @Option(names = "--q", paramLabel = "FILE", order = 12,
            description = "Queries, .npy of f2, f4 or f8: (n, d), (heads, n, d) or (batch, heads, n, d); - for "
                    + "standard input, here and below.")
    private Path query;

    @Option(names = "--k", paramLabel = "FILE", order = 13, description = "Keys, (..., m, d); may be the file of --q.")
    private Path key;

    @Option(names = "--v", paramLabel = "FILE", order = 14, description = "Values, (..., m, d_v).")
    private Path value;

    @Option(names = "--safetensors", paramLabel = "FILE", order = 15,
            description = "One .safetensors file with all three tensors.")
    private Path safetensors;

    @Option(names = "--names", paramLabel = "q=NAME,k=NAME,v=NAME", split = ",(?=[qkv]=)", order = 16,
            description = "Names of the tensors in --safetensors, which may hold commas (default: q, k and v).")
    private Map<String, String> names;

    @Option(names = "--scale", paramLabel = "X", order = 17,
            description = "Factor before the logits (default: the data set's own, or 1/sqrt(d)).")
    private Float scale;

    @Option(names = "--causal", paramLabel = "RULE", arity = "0..1", fallbackValue = "lower-right", order = 18,
            description = "Causal mask: lower-right (the last query sees all keys; what a bare --causal means), "
                    + "upper-left (the first query sees the first key, as PyTorch has it) or none.")
    private String causal;

    @Mixin
    private PairOptions pairs;

    @Mixin
    private LearntOptions learnt;

    @Option(names = "--key-lengths", paramLabel = "L", split = ",", order = 19,
            description = "Number of valid keys of each batch item, comma-separated; the rest is padding.")
    private int[] keyLengths;

    @Option(names = "--key-bias", paramLabel = "FILE", order = 19,
            description = "Numbers added to the logits of every key, .npy: (m), (batch, m) or (batch or 1, heads of "
                    + "keys or 1, 1, m); -inf hides a key.")
    private Path keyBias;

    @Option(names = "--bias", paramLabel = "FILE", order = 19,
            description = "Numbers added to the logit of every pair of a query and a key, .npy: (n, m), (heads or 1, "
                    + "n, m) or (batch or 1, heads or 1, n, m); -inf hides a key. For methods exact and auto.")
    private Path bias;

    @Option(names = "--mask", paramLabel = "FILE", order = 19,
            description = "Which keys are seen, .npy of the same shapes: booleans or whole numbers, of which false "
                    + "and 0 hide a key, or numbers to add to the logits; or of shape (..., n, m) for every pair of a "
                    + "query and a key, where the method takes that.")
    private Path mask;

    /**
     * Refuses what masks the input, for commands that would not heed it.
     *
     * @throws UsageError if such an option is given
     */
    public void withoutMasks(String command) {
        Map<String, Object> given = new LinkedHashMap<>();
        given.put("--causal", "none".equals(causal) ? null : causal);
        given.put("--key-lengths", keyLengths);
        given.put("--key-bias", keyBias);
        given.put("--bias", bias);
        given.put("--mask", mask);
        given.put(pairs.given(), pairs.given());
        given.put(learnt.given(), learnt.given());
        given.forEach((option, value) -> {
            if (value != null) {
                throw new UsageError("kdebench " + command + " takes no " + option);
            }
        });
    }

    /** What models learn and add to logits. */
    LearntOptions learnt() {
        return learnt;
    }

    /** What says how pairs of queries and keys are treated. */
    PairOptions pairs() {
        return pairs;
    }

    /** The data set that is named, or null. */
    abstract String data();

    /** The number of first rows to take of every head, or null for all. */
    Integer rows() {
        return null;
    }

    /** What to say to who asks for more rows than there are. */
    String longer() {
        return "";
    }

    /** The number of rows that a set should have to be taken where none is named. */
    int wantedRows() {
        return 1;
    }

    /** Whether an option says where the input comes from. */
    boolean isGiven() {
        return data() != null || query != null || key != null || value != null || safetensors != null || names != null;
    }

    /**
     * Reads the input that the options speak of.
     *
     * @param arena owns the tensors
     * @throws UsageError  if the options do not fit together
     * @throws IOException if a file cannot be read
     */
    public NamedInput load(Arena arena) throws IOException {
        return load(arena, data());
    }

    /** Reads the input as above, of the data set of this name where it is one; null where none is named. */
    final NamedInput load(Arena arena, String data) throws IOException {
        return refine(arena, read(arena, data));
    }

    /** Reads the input as it lies in its files, neither cut nor masked. */
    final NamedInput read(Arena arena, String data) throws IOException {
        boolean files = query != null || key != null || value != null;
        if ((data != null ? 1 : 0) + (files ? 1 : 0) + (safetensors != null ? 1 : 0) > 1) {
            throw new UsageError("--data, --q --k --v and --safetensors exclude each other");
        }
        if (names != null && safetensors == null) {
            throw new UsageError("--names needs --safetensors");
        }
        if (files) {
            return fromFiles(arena);
        }
        return safetensors != null ? fromSafetensors(arena)
                : fromData(arena, dataFolder, data == null ? defaultData(wantedRows()) : data);
    }

    private NamedInput fromFiles(Arena arena) throws IOException {
        if (query == null || key == null || value == null) {
            throw new UsageError("--q, --k and --v are needed together; a file may be given twice");
        }
        Map<Path, Path> regular = new LinkedHashMap<>();
        List<Shape> shapes = new ArrayList<>();
        for (Path file : new LinkedHashSet<>(List.of(query, key, value))) {
            regular.put(file, StandardStreams.regular(file));
            shapes.add(Npy.readHeader(regular.get(file)).shape());
        }
        requireMemory(shapes);
        Map<Path, Tensor> read = new LinkedHashMap<>();
        for (Map.Entry<Path, Path> file : regular.entrySet()) {
            read.put(file.getKey(), Npy.read(file.getValue(), arena));
        }
        AttentionInput input = AttentionInput.of(read.get(query), read.get(key), read.get(value));
        String about = read.keySet().stream().map(Path::toString).collect(Collectors.joining(", "));
        return new NamedInput(Objects.toString(query.getFileName()), about,
                Npy.readHeader(regular.get(query)).dimensions().size(), input);
    }

    private NamedInput fromSafetensors(Arena arena) throws IOException {
        Map<String, String> chosen = new LinkedHashMap<>();
        TENSORS.forEach(tensor -> chosen.put(tensor, tensor));
        if (names != null) {
            for (Map.Entry<String, String> name : names.entrySet()) {
                if (!TENSORS.contains(name.getKey())) {
                    throw new UsageError("--names must be q=NAME,k=NAME,v=NAME, got " + name.getKey() + "="
                            + name.getValue());
                }
                chosen.put(name.getKey(), name.getValue());
            }
        }
        Safetensors file = Safetensors.open(StandardStreams.regular(safetensors));
        List<Shape> shapes = new ArrayList<>();
        for (String name : new LinkedHashSet<>(chosen.values())) {
            shapes.add(file.shape(name));
        }
        requireMemory(shapes);
        Map<String, Tensor> read = new LinkedHashMap<>();
        for (String name : chosen.values()) {
            if (!read.containsKey(name)) {
                read.put(name, file.read(name, arena));
            }
        }
        AttentionInput input = AttentionInput.of(read.get(chosen.get("q")), read.get(chosen.get("k")),
                read.get(chosen.get("v")));
        return new NamedInput(Objects.toString(safetensors.getFileName()), safetensors + ": "
                + String.join(", ", read.keySet()), file.info(chosen.get("q")).dimensions().size(), input);
    }

    static void requireMemory(List<Shape> shapes) {
        Machine.requireMemory(shapes.stream().mapToDouble(shape -> (double) shape.elements() * Float.BYTES).sum(),
                "the input");
    }

    /** The usual set, or where it is too short the shortest that is not, if there is one. */
    private String defaultData(int wanted) {
        List<DataSet> sets = dataFolder.catalogues().stream().flatMap(each -> each.sets().stream()).toList();
        boolean suffices = sets.stream().anyMatch(set -> set.name().equals(DEFAULT_DATA) && set.sizes().n() >= wanted);
        return suffices ? DEFAULT_DATA : sets.stream().filter(set -> set.sizes().n() >= wanted)
                .min(Comparator.comparingInt(set -> set.sizes().n())).map(DataSet::name).orElse(DEFAULT_DATA);
    }

    /**
     * Reads a data set by its name.
     *
     * @throws UsageError  if there is none of this name
     * @throws IOException if its files cannot be read
     */
    public static NamedInput fromData(Arena arena, DataFolder folder, String name) throws IOException {
        List<Catalogue> catalogues = folder.catalogues();
        Catalogue catalogue = catalogues.stream().filter(each -> each.find(name) != null).findFirst()
                .orElseThrow(() -> unknown(name, catalogues, folder));
        DataSet set = catalogue.find(name);
        Map<String, Tensor> read = new LinkedHashMap<>();
        for (String file : set.files().values()) {
            if (!read.containsKey(file)) {
                read.put(file, read(catalogue, file, arena));
            }
        }
        AttentionInput input = AttentionInput.of(read.get(set.files().get("q")), read.get(set.files().get("k")),
                read.get(set.files().get("v"))).withScale(set.scale());
        set.check(input);
        if (set.causal()) {
            input = input.withMask(Mask.causal());
        }
        DataSet.Origin origin = set.origin();
        return new NamedInput(set.name(), origin.model() + "; length: " + origin.kind().split("[:(]")[0].strip(), 3,
                input);
    }

    private static UsageError unknown(String name, List<Catalogue> catalogues, DataFolder folder) {
        String known = catalogues.stream().flatMap(each -> each.sets().stream()).map(DataSet::name).distinct()
                .collect(Collectors.joining(", "));
        return new UsageError("--data must be one of " + known + "; got " + name
                + (folder.isGiven() ? "" : "; --data-dir names a folder with more"));
    }

    private static Tensor read(Catalogue catalogue, String file, Arena arena) throws IOException {
        if (!catalogue.isEmbedded()) {
            return Npy.read(catalogue.path(file), arena);
        }
        byte[] bytes = catalogue.bytes(file);
        return Npy.read(new ByteArrayInputStream(bytes), bytes.length, file, arena);
    }

    /** The input, cut, scaled and masked as the options say. */
    NamedInput refine(Arena arena, NamedInput loaded) throws IOException {
        AttentionInput input = loaded.input();
        Mask shown = input.mask();
        float factor = scale == null ? input.scale() : scale;
        String name = loaded.name();
        if (rows() != null) {
            int most = Math.max(input.queries(), input.keys());
            if (rows() < 1 || rows() > most) {
                throw new UsageError("--n must be between 1 and " + most + " for " + name + ", got " + rows()
                        + (rows() < 1 ? "" : longer()));
            }
            input = loaded.firstRows(rows());
        }
        if (causal != null) {
            shown = switch (causal) {
                case "lower-right" -> Mask.causal();
                case "upper-left" -> Mask.causalUpperLeft();
                case "none" -> Mask.none();
                default -> throw new UsageError("--causal must be lower-right, upper-left or none, got " + causal);
            };
        }
        try {
            shown = pairs.refine(shown);
            if (keyLengths != null) {
                shown = shown.withKeyLengths(keyLengths);
            }
            input = input.withScale(factor).withMask(shown);
            input = pairs.refine(withBiases(arena, input, loaded.input()));
            input = learnt.refine(arena, input, PairOptions.firstPlace(input));
        } catch (IllegalArgumentException e) {
            throw new UsageError(e.getMessage());
        }
        return new NamedInput(name, loaded.about(), loaded.rank(), input);
    }

    private AttentionInput withBiases(Arena arena, AttentionInput input, AttentionInput whole) throws IOException {
        KeyBias sum = new KeyBias(arena, input, whole);
        if (keyBias != null) {
            sum.add("--key-bias", keyBias, false);
        }
        if (mask != null) {
            sum.add("--mask", mask, true);
        }
        if (bias != null) {
            sum.addPairs("--bias", bias);
        }
        return sum.biased();
    }
}
