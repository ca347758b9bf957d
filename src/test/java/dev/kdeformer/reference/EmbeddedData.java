package dev.kdeformer.reference;

import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.zip.GZIPInputStream;

/** The real activations that the command line carries, for tests of the library, which cannot reach into that. */
public final class EmbeddedData {
    private EmbeddedData() {
    }

    /**
     * A tensor of a data set, shape (1, heads, n, d).
     *
     * @param name such as {@code minilm-512.layer2.q}
     */
    public static Tensor load(String name) {
        String resource = "/dev/kdeformer/cli/data/" + name + ".npy.planes.gz";
        try (InputStream in = EmbeddedData.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new FileNotFoundException(resource);
            }
            byte[] planes = new GZIPInputStream(in).readAllBytes();
            byte[] file = new byte[planes.length];
            for (int i = 0; i < file.length; i++) {
                file[i] = planes[i / 2 + (i & 1) * ((file.length + 1) / 2)];
            }
            return Npy.read(new ByteArrayInputStream(file), file.length, name, Arena.ofAuto());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The first rows of one head of a data set, shape (1, 1, rows, d). */
    public static Tensor load(String name, int head, int rows) {
        Tensor all = load(name);
        return Tensor.copyOf(Arena.ofAuto(), Shape.of(all.shape().rows(), all.shape().columns()),
                all.matrix(0, head).toArray()).rows(0, rows);
    }
}
