package dev.kdeformer.cli.training;

import dev.kdeformer.train.Checkpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import picocli.CommandLine.Option;

/** Where a trained model comes from. */
public final class ModelFile {
    private static final String EMBEDDED = "model.safetensors";

    @Option(names = "--model", paramLabel = "FILE.safetensors", order = 0,
            description = "A model or checkpoint that 'kdebench train' wrote (default: the embedded one).")
    private Path file;

    /** What is done with an open model. */
    public interface Use<T> {
        /**
         * Takes what is wanted from a file, or throws what is wrong with it.
         *
         * @throws IOException if the file cannot be used
         */
        T apply(Checkpoint checkpoint) throws IOException;
    }

    /**
     * Opens the model, whose file is there until the use of it ends.
     *
     * @throws IOException if it cannot be read
     */
    public <T> T open(Use<T> use) throws IOException {
        if (file != null) {
            return use.apply(Checkpoint.open(file));
        }
        Path copy = Files.createTempFile("kdebench-", ".safetensors");
        try (InputStream in = ModelFile.class.getResourceAsStream(EMBEDDED)) {
            Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
            return use.apply(Checkpoint.open(copy));
        } finally {
            Files.deleteIfExists(copy);
        }
    }

    /**
     * A model in words.
     *
     * @throws IOException if the file does not tell how many bytes the model was trained on
     */
    public static String words(Checkpoint checkpoint) throws IOException {
        return checkpoint.shape().parameters() + " parameters, " + checkpoint.shape().layers() + " layers, "
                + checkpoint.shape().heads() + " heads (" + checkpoint.shape().kvHeads() + " of keys) of "
                + checkpoint.shape().headFeatures() + " features, trained on " + checkpoint.bytes() + " bytes ("
                + checkpoint.about() + ")";
    }
}
