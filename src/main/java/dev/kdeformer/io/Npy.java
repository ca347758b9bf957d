package dev.kdeformer.io;

import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;

/**
 * NumPy's .npy files (versions 1.0, 2.0 and 3.0). Read are arrays of f2, f4 and f8, and of bfloat16 as ml_dtypes
 * writes it (V2), in either byte order, in C and in Fortran order, of shape (n, d), (heads, n, d) or (batch, heads, n,
 * d); written are version 1.0, little-endian f4 and C order. Infinities and NaN are passed through; whoever computes
 * with them has to look.
 */
public final class Npy {
    private static final int ALIGNMENT = 64;

    private Npy() {
    }

    /**
     * Reads a file into a new contiguous float32 tensor that lives as long as {@code arena}.
     *
     * @throws TensorFormatException if the file is not such an array, is shorter than its header says, or holds a
     *                               finite f8 element beyond the range of float32
     * @throws IOException           if the file cannot be read
     * @throws OutOfMemoryError      if the tensor does not fit into the memory
     */
    public static Tensor read(Path file, Arena arena) throws IOException {
        Objects.requireNonNull(arena, "arena");
        try (InputFile in = InputFile.open(file)) {
            return read(in, arena, 2);
        }
    }

    /**
     * Reads a file like {@link #read(Path, Arena)}, but an array of one dimension too, as a column: shape (n) as (n,
     * 1).
     *
     * @throws TensorFormatException as {@link #read(Path, Arena)}
     * @throws IOException           if the file cannot be read
     */
    public static Tensor readRows(Path file, Arena arena) throws IOException {
        Objects.requireNonNull(arena, "arena");
        try (InputFile in = InputFile.open(file)) {
            return read(in, arena, 1);
        }
    }

    /**
     * Reads a stream, such as a resource of a jar, like a file. The stream is closed.
     *
     * @param length number of bytes in the stream, which must be known: the header is checked against it
     * @param name   what to call the stream in messages
     * @throws TensorFormatException as {@link #read(Path, Arena)}
     * @throws IOException           if the stream cannot be read
     */
    public static Tensor read(InputStream stream, long length, String name, Arena arena) throws IOException {
        Objects.requireNonNull(stream, "stream");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(arena, "arena");
        try (InputFile in = InputFile.of(stream, length, name)) {
            Tensor tensor = read(in, arena, 2);
            if (in.remaining() == 0 && stream.read() >= 0) {
                throw in.error("the stream has more than the " + length + " bytes it should have");
            }
            return tensor;
        }
    }

    /**
     * Reads and checks the header alone; allocates next to nothing.
     *
     * @throws TensorFormatException if the file is not an array that {@link #read(Path, Arena)} would read
     * @throws IOException           if the file cannot be read
     */
    public static NpyHeader readHeader(Path file) throws IOException {
        try (InputFile in = InputFile.open(file)) {
            return NpyHeaderParser.read(in, 2);
        }
    }

    /**
     * Reads and checks the header of a stream, such as a file on another file system; the stream is closed.
     *
     * @param length number of bytes in the stream, which the header is checked against
     * @param name   what to call the stream in messages
     * @throws TensorFormatException if the stream is not an array that {@link #read(Path, Arena)} would read
     * @throws IOException           if the stream cannot be read
     */
    public static NpyHeader readHeader(InputStream stream, long length, String name) throws IOException {
        Objects.requireNonNull(name, "name");
        try (InputFile in = InputFile.of(Objects.requireNonNull(stream, "stream"), length, name)) {
            return NpyHeaderParser.read(in, 2);
        }
    }

    /**
     * Writes a tensor, of whatever strides, as an array of four dimensions (batch, heads, n, d).
     *
     * @throws IOException if the file cannot be written; what was there before is then still there
     */
    public static void write(Path file, Tensor tensor) throws IOException {
        write(file, tensor, 4);
    }

    /**
     * Writes a tensor, of whatever strides, as an array of {@code rank} dimensions.
     *
     * @param rank 4 for (batch, heads, n, d), 3 for (heads, n, d) of a single batch item, 2 for (n, d) of a single
     *             head, 1 for (n) of a single column
     * @throws IllegalArgumentException if the rank is another number or would drop a dimension that is not 1
     * @throws IOException              if the file cannot be written; what was there before is then still there
     */
    public static void write(Path file, Tensor tensor, int rank) throws IOException {
        Objects.requireNonNull(tensor, "tensor");
        if (rank < 1 || rank > 4) {
            throw new IllegalArgumentException("rank must be 1, 2, 3 or 4, got " + rank);
        }
        if (rank < 4 && tensor.shape().batch() > 1 || rank < 3 && tensor.shape().heads() > 1
                || rank == 1 && tensor.shape().columns() > 1) {
            throw new IllegalArgumentException("rank must keep every dimension of shape " + tensor.shape()
                    + " that is not 1, got " + rank);
        }
        byte[] header = header(tensor, rank);
        AtomicFile.write(file, out -> {
            out.write(header);
            TensorData.write(tensor, out);
        });
    }

    private static Tensor read(InputFile in, Arena arena, int leastRank) throws IOException {
        NpyHeader header = NpyHeaderParser.read(in, leastRank);
        return TensorData.read(in, header.type(), header.order(), header.fortranOrder(), header.dimensions(),
                header.shape(), arena);
    }

    private static byte[] header(Tensor tensor, int rank) {
        String dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': "
                + Dimensions.text(Dimensions.of(tensor.shape(), rank)) + ", }";
        int prefix = 10;
        int length = Math.ceilDiv(prefix + dictionary.length() + 1, ALIGNMENT) * ALIGNMENT;
        String text = "\u0093NUMPY\1\0" + (char) ((length - prefix) & 0xFF) + (char) ((length - prefix) >> 8)
                + String.format(Locale.ROOT, "%-" + (length - prefix - 1) + "s\n", dictionary);
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
