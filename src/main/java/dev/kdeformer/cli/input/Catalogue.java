package dev.kdeformer.cli.input;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Sentences;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Data sets and pictures by name: those embedded in the command line, or those of a folder with a manifest.json. */
public final class Catalogue {
    private static final String EMBEDDED = "/dev/kdeformer/cli/data/";
    private static final String MANIFEST = "manifest.json";
    private static final long LARGEST_MANIFEST = 4 << 20;

    private final Path folder;
    private final List<DataSet> sets = new ArrayList<>();
    private final List<Picture> pictures = new ArrayList<>();

    private Catalogue(Path folder) {
        this.folder = folder;
    }

    /**
     * What the command line carries.
     *
     * @throws Failure if it cannot be read
     */
    public static Catalogue embedded() {
        Catalogue catalogue = new Catalogue(null);
        try (InputStream in = resource(MANIFEST)) {
            catalogue.read(in.readAllBytes(), "the embedded " + MANIFEST);
        } catch (IOException e) {
            throw new Failure("the embedded data cannot be read: " + Sentences.of(e), e);
        }
        return catalogue;
    }

    /**
     * What a folder's manifest.json lists. Its form is that of the embedded one: {@code sets}, a list of objects with
     * name, files (q, k, v), heads, n, d, dv, scale, causal, model, package, licence, input and kind.
     *
     * @throws Failure if there is no manifest or it is malformed
     */
    static Catalogue of(Path folder) {
        Path manifest = folder.resolve(MANIFEST);
        Catalogue catalogue = new Catalogue(folder);
        try {
            if (Files.size(manifest) > LARGEST_MANIFEST) {
                throw new Failure(manifest + " has " + Files.size(manifest) + " bytes; a manifest has at most "
                        + LARGEST_MANIFEST);
            }
            catalogue.read(Files.readAllBytes(manifest), manifest.toString());
        } catch (IOException e) {
            throw new Failure(Sentences.of(e), e);
        }
        return catalogue;
    }

    /** All data sets, in the manifest's order. */
    public List<DataSet> sets() {
        return List.copyOf(sets);
    }

    /** All pictures, in the manifest's order. */
    public List<Picture> pictures() {
        return List.copyOf(pictures);
    }

    /** Whether the files are embedded. */
    boolean isEmbedded() {
        return folder == null;
    }

    /** The data set of a name, or null. */
    public DataSet find(String name) {
        return sets.stream().filter(set -> set.name().equals(name)).findFirst().orElse(null);
    }

    /** The picture of a name, or null. */
    public Picture findPicture(String name) {
        return pictures.stream().filter(picture -> picture.name().equals(name)).findFirst().orElse(null);
    }

    /** All names, for messages. */
    public String names() {
        return Stream.concat(sets.stream().map(DataSet::name), pictures.stream().map(Picture::name))
                .collect(Collectors.joining(", "));
    }

    /** The path of a file, for a catalogue of a folder. */
    Path path(String file) {
        return folder.resolve(file);
    }

    /**
     * The bytes of a file as they were before packing.
     *
     * @throws IOException if it cannot be read
     */
    public byte[] bytes(String file) throws IOException {
        if (folder != null) {
            return Files.readAllBytes(path(file));
        }
        InputStream packed = Catalogue.class.getResourceAsStream(EMBEDDED + file + Packed.SUFFIX);
        if (packed != null) {
            return Packed.unpack(packed);
        }
        try (InputStream in = resource(file)) {
            return in.readAllBytes();
        }
    }

    private static InputStream resource(String file) throws IOException {
        InputStream in = Catalogue.class.getResourceAsStream(EMBEDDED + file);
        if (in == null) {
            throw new IOException("this jar carries no " + file);
        }
        return in;
    }

    private void read(byte[] json, String name) {
        Map<String, Object> manifest;
        try {
            manifest = JSON.std.mapFrom(json);
        } catch (IOException e) {
            String problem = e.getMessage() == null ? "" : ": " + e.getMessage().lines().findFirst().orElse("");
            throw new Failure(name + " is not JSON" + problem, e);
        }
        for (Entry entry : Entry.listOf(name, manifest, "sets")) {
            Entry files = entry.object("files");
            Map<String, String> byTensor = new LinkedHashMap<>();
            for (String tensor : List.of("q", "k", "v")) {
                byTensor.put(tensor, files.file(tensor));
            }
            sets.add(new DataSet(entry.text("name"), new DataSet.Sizes(entry.whole("heads"), entry.whole("n"),
                    entry.whole("d"), entry.whole("dv")), entry.real("scale"), entry.flag("causal"),
                    new DataSet.Origin(entry.textOr("model"), entry.textOr("package"), entry.textOr("licence"),
                            entry.textOr("input"), entry.textOr("kind")), byTensor));
        }
        for (Entry entry : Entry.listOf(name, manifest, "pictures")) {
            pictures.add(new Picture(entry.text("name"), entry.file("file"), entry.whole("width"),
                    entry.whole("height"), entry.whole("channels"), entry.textOr("source"),
                    entry.textOr("licence")));
        }
    }

    /** One object of a manifest, read with a clear word about what is missing or of another type. */
    private record Entry(String where, Map<?, ?> values) {
        static List<Entry> listOf(String manifest, Map<String, Object> values, String key) {
            Object list = values.get(key);
            if (list == null) {
                return List.of();
            }
            if (!(list instanceof List<?> items)) {
                throw new Failure(manifest + ": " + key + " must be a list");
            }
            List<Entry> entries = new ArrayList<>();
            for (Object item : items) {
                String where = manifest + ": " + key + "[" + entries.size() + "]";
                if (!(item instanceof Map<?, ?> map)) {
                    throw new Failure(where + " must be an object");
                }
                entries.add(new Entry(where, map));
            }
            return entries;
        }

        Entry object(String key) {
            return new Entry(where + "." + key, get(key, Map.class, "an object"));
        }

        String text(String key) {
            return get(key, String.class, "a text");
        }

        String textOr(String key) {
            return values.get(key) == null ? "" : text(key);
        }

        /** A file name that stays inside the manifest's folder. */
        String file(String key) {
            String name = text(key);
            if (name.isEmpty() || name.equals("..") || name.matches(".*[/\\\\:\\p{Cntrl}].*")) {
                throw new Failure(where + "." + key + " must be the name of a file beside the manifest, got " + name);
            }
            return name;
        }

        int whole(String key) {
            Number number = get(key, Number.class, "a whole number");
            if (number.doubleValue() != number.intValue() || number.intValue() < 1) {
                throw new Failure(where + "." + key + " must be a whole number of at least 1, got " + number);
            }
            return number.intValue();
        }

        float real(String key) {
            float number = get(key, Number.class, "a number").floatValue();
            if (!Float.isFinite(number)) {
                throw new Failure(where + "." + key + " must be finite");
            }
            return number;
        }

        boolean flag(String key) {
            return get(key, Boolean.class, "true or false");
        }

        private <T> T get(String key, Class<T> type, String kind) {
            Object value = values.get(key);
            if (value == null) {
                throw new Failure(where + " has no " + key);
            }
            if (!type.isInstance(value)) {
                throw new Failure(where + "." + key + " must be " + kind + ", got " + value);
            }
            return type.cast(value);
        }
    }
}
