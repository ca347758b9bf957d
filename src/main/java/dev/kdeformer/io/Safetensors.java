package dev.kdeformer.io;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/**
 * A .safetensors file: named tensors in one file. All tensors are listed; those of F16, BF16, F32 and F64 with shape
 * (n, d), (heads, n, d) or (batch, heads, n, d) can be read. Only the header is kept, no file stays open. Infinities
 * and NaN are passed through; whoever computes with them has to look.
 */
public final class Safetensors {
    private static final int SHOWN_NAMES = 10;
    private static final String METADATA = "__metadata__";

    private final Path path;
    private final long length;
    private final SafetensorsHeader header;

    private Safetensors(Path path, long length, SafetensorsHeader header) {
        this.path = path;
        this.length = length;
        this.header = header;
    }

    /**
     * Reads and checks the header of a file.
     *
     * @throws TensorFormatException if it is not such a file, or its header and its length do not agree
     * @throws IOException           if the file cannot be read
     */
    public static Safetensors open(Path file) throws IOException {
        try (InputFile in = InputFile.open(file)) {
            return new Safetensors(file, in.length(), SafetensorsHeader.read(in));
        }
    }

    /**
     * Reads and checks the header of a stream, such as a file on another file system; the stream is closed.
     *
     * @param length number of bytes in the stream, which the header is checked against
     * @param name   what to call the stream in messages
     * @return all tensors, in the order of the header
     * @throws TensorFormatException if it is not such a file, or its header and its length do not agree
     * @throws IOException           if the stream cannot be read
     */
    public static List<TensorInfo> readHeader(InputStream stream, long length, String name) throws IOException {
        Objects.requireNonNull(name, "name");
        try (InputFile in = InputFile.of(Objects.requireNonNull(stream, "stream"), length, name)) {
            return List.copyOf(SafetensorsHeader.read(in).tensors().values());
        }
    }

    /** Returns the file. */
    public Path path() {
        return path;
    }

    /** Returns all tensors, in the order of the header. */
    public List<TensorInfo> tensors() {
        return List.copyOf(header.tensors().values());
    }

    /** Returns the free-form texts that the file carries; empty if there are none. */
    public Map<String, String> metadata() {
        return Map.copyOf(header.metadata());
    }

    /**
     * What the file says about a tensor.
     *
     * @throws TensorFormatException if there is no tensor of that name
     */
    public TensorInfo info(String name) throws TensorFormatException {
        Objects.requireNonNull(name, "name");
        TensorInfo info = header.tensors().get(name);
        if (info == null) {
            String names = header.tensors().keySet().stream().limit(SHOWN_NAMES).map(HeaderScanner::quoted)
                    .collect(Collectors.joining(", "));
            int more = header.tensors().size() - SHOWN_NAMES;
            throw error("there is no tensor " + HeaderScanner.quoted(name) + "; there "
                    + (names.isEmpty() ? "are none" : "is " + names) + (more > 0 ? " and " + more + " more" : ""));
        }
        return info;
    }

    /**
     * Returns the shape that {@link #read} would give a tensor; dimensions that are not there count 1.
     *
     * @throws TensorFormatException if there is no tensor of that name or it is not one that can be read
     */
    public Shape shape(String name) throws TensorFormatException {
        TensorInfo info = info(name);
        elementType(info);
        return Dimensions.shape(path.toString(), "tensor " + HeaderScanner.quoted(name), info.dimensions(),
                2);
    }

    /**
     * Reads a tensor into a new contiguous float32 tensor that lives as long as {@code arena}.
     *
     * @throws TensorFormatException if there is no tensor of that name, it is not one that can be read, it holds a
     *                               finite F64 element beyond the range of float32, or the file has changed its length
     *                               since it was opened
     * @throws IOException           if the file cannot be read
     * @throws OutOfMemoryError      if the tensor does not fit into the memory
     */
    public Tensor read(String name, Arena arena) throws IOException {
        Objects.requireNonNull(arena, "arena");
        Shape shape = shape(name);
        TensorInfo info = info(name);
        try (InputFile in = InputFile.open(path)) {
            if (in.length() != length) {
                throw error("the file has " + in.length() + " bytes, but had " + length + " when it was opened");
            }
            in.seek(header.dataOffset() + info.begin());
            return TensorData.read(in, elementType(info), ByteOrder.LITTLE_ENDIAN, false, info.dimensions(), shape,
                    arena);
        }
    }

    /**
     * Writes tensors, of whatever strides, as F32 with four dimensions each, in the order of the map.
     *
     * @throws IllegalArgumentException if a name is reserved or not valid Unicode
     * @throws IOException              if the file cannot be written; what was there before is then still there
     */
    public static void write(Path file, Map<String, Tensor> tensors) throws IOException {
        write(file, tensors, ElementType.F32, 4, Map.of());
    }

    /**
     * Writes tensors, of whatever strides, in the order of the map.
     *
     * @param type     F32, or F16, to which elements are rounded
     * @param rank     dimensions to state for each, of which those that are left out must be 1
     * @param metadata free-form texts for the file to carry
     * @throws IllegalArgumentException if a name is reserved or not valid Unicode, or the type is another
     * @throws IOException              if the file cannot be written; what was there before is then still there
     */
    public static void write(Path file, Map<String, Tensor> tensors, ElementType type, int rank,
            Map<String, String> metadata) throws IOException {
        if (type != ElementType.F32 && type != ElementType.F16) {
            throw new IllegalArgumentException("type must be F32 or F16, got " + type);
        }
        StringJoiner entries = new StringJoiner(",", "{", "}");
        if (!metadata.isEmpty()) {
            entries.add("\"" + METADATA + "\":" + metadata.entrySet().stream()
                    .map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}")));
        }
        long begin = 0;
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            Shape shape = entry.getValue().shape();
            long end = Math.addExact(begin, shape.elements() * type.bytes());
            if (entry.getKey().equals(METADATA)) {
                throw refused(entry.getKey());
            }
            entries.add(json(entry.getKey()) + ":{\"dtype\":\"" + type + "\",\"shape\":"
                    + Dimensions.of(shape, rank) + ",\"data_offsets\":[" + begin + "," + end + "]}");
            begin = end;
        }
        byte[] text = entries.toString().getBytes(StandardCharsets.UTF_8);
        int length = Math.ceilDiv(text.length, Long.BYTES) * Long.BYTES; // so that the data is aligned for a mapping
        AtomicFile.write(file, out -> {
            out.write(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());
            out.write(text);
            out.write(" ".repeat(length - text.length).getBytes(StandardCharsets.US_ASCII));
            for (Tensor tensor : tensors.values()) {
                TensorData.write(tensor, type, out);
            }
        });
    }

    private ElementType elementType(TensorInfo info) throws TensorFormatException {
        return switch (info.dtype()) {
            case "F16" -> ElementType.F16;
            case "BF16" -> ElementType.BF16;
            case "F32" -> ElementType.F32;
            case "F64" -> ElementType.F64;
            default -> throw error("tensor " + HeaderScanner.quoted(info.name()) + " has element type "
                    + HeaderScanner.quoted(info.dtype())
                    + (info.dtype().startsWith("F8_") ? ", an 8-bit float (fp8)" : "")
                    + ", which is not read; allowed are F16, BF16, F32 and F64");
        };
    }

    private TensorFormatException error(String problem) {
        return new TensorFormatException(path.toString(), problem);
    }

    private static IllegalArgumentException refused(String name) {
        return new IllegalArgumentException("tensor name must be valid Unicode other than " + METADATA + ", got "
                + HeaderScanner.quoted(name));
    }

    private static String json(String name) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
            throw refused(name);
        }
        StringBuilder text = new StringBuilder("\"");
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c < ' ') {
                text.append(String.format("\\u%04x", (int) c));
            } else if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else {
                text.append(c);
            }
        }
        return text.append('"').toString();
    }
}
