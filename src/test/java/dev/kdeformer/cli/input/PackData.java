package dev.kdeformer.cli.input;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Makes embedded data: takes named sets from a folder with a manifest.json and writes their files, packed, beside a
 * sets.json with their entries, which belong into the embedded manifest.
 */
final class PackData {
    private PackData() {
    }

    /** Arguments: the folder to read, the folder to write, and the names of the sets. */
    public static void main(String[] args) throws IOException {
        Path from = Path.of(args[0]);
        Path to = Path.of(args[1]);
        List<String> names = Arrays.asList(args).subList(2, args.length);
        Map<String, Object> manifest = JSON.std.mapFrom(Files.readAllBytes(from.resolve("manifest.json")));
        List<Object> sets = new ArrayList<>();
        TreeSet<String> files = new TreeSet<>();
        for (Object each : (List<?>) manifest.get("sets")) {
            Map<?, ?> set = (Map<?, ?>) each;
            if (names.contains(set.get("name"))) {
                sets.add(set);
                ((Map<?, ?>) set.get("files")).values().forEach(file -> files.add((String) file));
            }
        }
        if (sets.size() != names.size()) {
            throw new IOException("the manifest has only " + sets.size() + " of the sets " + names);
        }
        Files.createDirectories(to);
        for (String file : files) {
            Files.write(to.resolve(file + Packed.SUFFIX), Packed.pack(Files.readAllBytes(from.resolve(file))));
        }
        Files.write(to.resolve("sets.json"), JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asBytes(sets));
    }
}
