package dev.kdeformer.cli.model;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.UsageError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import picocli.CommandLine.Parameters;

/** The model: a file, or one within a jar. */
public final class ModelFileOption {
    private static final String WITHIN = "!/";

    @Parameters(paramLabel = "MODEL", description = "The ONNX file; FILE.jar" + WITHIN
            + "NAME.onnx is one within a jar.")
    private String model;

    /** What to call the model. */
    public String shown() {
        return model;
    }

    /**
     * A model that is a file of its own.
     *
     * @param model     the file
     * @param tokenizer the tokenizer beside it, null if there is none
     * @param folder    what to delete in the end, null for nothing
     */
    public record Unpacked(Path model, Path tokenizer, Path folder) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            if (folder != null) {
                try (Stream<Path> files = Files.list(folder)) {
                    for (Path file : files.toList()) {
                        Files.deleteIfExists(file);
                    }
                }
                Files.deleteIfExists(folder);
            }
        }
    }

    /**
     * Finds the model, or unpacks it into a temporary folder: ONNX Runtime reads weights from files only.
     *
     * @throws IOException if it cannot be read or unpacked
     * @throws UsageError  if what was given is no file name
     */
    public Unpacked unpack() throws IOException {
        int at = model.indexOf(WITHIN);
        try {
            if (at < 0) {
                Path file = Path.of(model);
                return new Unpacked(file, tokenizer(file), null);
            }
            return unpack(Path.of(model.substring(0, at)), model.substring(at + WITHIN.length()));
        } catch (InvalidPathException e) {
            throw new UsageError("not a file name: " + e.getMessage());
        }
    }

    private static Unpacked unpack(Path jar, String name) throws IOException {
        if (!Files.isRegularFile(jar)) {
            throw new Failure("no such file: " + jar);
        }
        Path folder = Files.createTempDirectory("kdebench-model");
        folder.toFile().deleteOnExit();
        Unpacked unpacked = new Unpacked(folder.resolve(Path.of(name).getFileName()), folder.resolve("tokenizer.json"),
                folder);
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            ZipEntry entry = zip.getEntry(name);
            if (entry == null) {
                throw new Failure(jar + " has no " + name);
            }
            copy(zip, entry, unpacked.model());
            String stem = name.replaceAll("\\.onnx$", "");
            Enumeration<? extends ZipEntry> entries = zip.entries();
            while (entries.hasMoreElements()) {
                ZipEntry each = entries.nextElement();
                if (each.getName().equals(stem + "-tokenizer.json") || each.getName().equals("tokenizer.json")) {
                    copy(zip, each, unpacked.tokenizer());
                }
            }
            return Files.exists(unpacked.tokenizer()) ? unpacked : new Unpacked(unpacked.model(), null, folder);
        } catch (IOException | RuntimeException e) {
            unpacked.close();
            throw e;
        }
    }

    private static void copy(ZipFile zip, ZipEntry entry, Path target) throws IOException {
        target.toFile().deleteOnExit(); // also when the user ends the process
        try (InputStream in = zip.getInputStream(entry)) {
            Files.copy(in, target);
        }
    }

    private static Path tokenizer(Path file) {
        String stem = file.getFileName().toString().replaceAll("\\.onnx$", "");
        return Stream.of(stem + "-tokenizer.json", "tokenizer.json").map(file::resolveSibling).filter(Files::exists)
                .findFirst().orElse(null);
    }
}
