package dev.kdeformer.spark;

import dev.kdeformer.io.ElementType;
import dev.kdeformer.io.Npy;
import dev.kdeformer.io.NpyHeader;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.io.TensorInfo;
import dev.kdeformer.tensor.Shape;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A tensor in a .npy or .safetensors file of any Hadoop file system. The driver reads the header; a task reads the rows
 * that it needs by their place in the file.
 *
 * @param offset bytes before the first element
 */
record TensorFile(String path, Shape4 shape, ElementType type, boolean bigEndian, long offset)
        implements Serializable {
    private static final long serialVersionUID = 1;

    /** The dimensions (batch, heads, n, d). */
    record Shape4(int batch, int heads, int rows, int columns) implements Serializable {
        static Shape4 of(Shape shape) {
            return new Shape4(shape.batch(), shape.heads(), shape.rows(), shape.columns());
        }

        /** Heads of all batch items. */
        int allHeads() {
            return batch * heads;
        }
    }

    /**
     * Reads the header of a .npy file.
     *
     * @throws IOException if there is no such file, or it holds no such array in row-major order
     */
    static TensorFile npy(String path, Configuration configuration) throws IOException {
        FileSystem files = new Path(path).getFileSystem(configuration);
        FileStatus status = files.getFileStatus(new Path(path));
        try (FSDataInputStream stream = files.open(new Path(path))) {
            NpyHeader header = Npy.readHeader(stream, status.getLen(), path);
            if (header.fortranOrder()) {
                throw new TensorFormatException(path, "the array is in Fortran order; rows are read from row-major"
                        + " order alone, as numpy.ascontiguousarray makes it");
            }
            return new TensorFile(path, Shape4.of(header.shape()), header.type(),
                    header.order() == ByteOrder.BIG_ENDIAN, header.dataOffset());
        }
    }

    /**
     * Finds a tensor of a .safetensors file.
     *
     * @throws IOException if there is no such file, or it holds no such tensor of a type that is read
     */
    static TensorFile safetensors(String path, String name, Configuration configuration) throws IOException {
        FileSystem files = new Path(path).getFileSystem(configuration);
        FileStatus status = files.getFileStatus(new Path(path));
        byte[] length = new byte[Long.BYTES];
        TensorInfo info;
        try (FSDataInputStream stream = files.open(new Path(path))) {
            info = Safetensors.readHeader(stream, status.getLen(), path).stream()
                    .filter(each -> each.name().equals(name)).findFirst()
                    .orElseThrow(() -> new TensorFormatException(path, "there is no tensor '" + name + "'"));
        }
        try (FSDataInputStream stream = files.open(new Path(path))) {
            stream.readFully(0, length);
        }
        ElementType type;
        try {
            type = ElementType.valueOf(info.dtype());
        } catch (IllegalArgumentException e) {
            throw new TensorFormatException(path, "tensor '" + name + "' is " + info.dtype()
                    + "; allowed are F16, BF16, F32 and F64");
        }
        int rank = info.dimensions().size();
        int[] four = {1, 1, 1, 1};
        if (rank < 2 || rank > 4 || info.dimensions().stream().anyMatch(size -> size < 1 || size > Integer.MAX_VALUE)) {
            throw new TensorFormatException(path, "tensor '" + name + "' must have 2 to 4 dimensions of one or more,"
                    + " got " + info.dimensions());
        }
        for (int i = 0; i < rank; i++) {
            four[4 - rank + i] = info.dimensions().get(i).intValue();
        }
        long header = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
        return new TensorFile(path, new Shape4(four[0], four[1], four[2], four[3]), type, false,
                Long.BYTES + header + info.begin());
    }

    /** Rows [from, from + count) of a head of all batch items, as little-endian float32. */
    byte[] read(int head, int from, int count, Configuration configuration) throws IOException {
        long first = offset + ((long) head * shape.rows + from) * shape.columns * type.bytes();
        byte[] raw = new byte[Math.multiplyExact(count, shape.columns * type.bytes())];
        try (FSDataInputStream stream = new Path(path).getFileSystem(configuration).open(new Path(path))) {
            stream.readFully(first, raw);
        }
        if (type == ElementType.F32 && !bigEndian) {
            return raw;
        }
        ByteBuffer in = ByteBuffer.wrap(raw).order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        ByteBuffer out = ByteBuffer.allocate(Math.multiplyExact(count, shape.columns * Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            out.putFloat(switch (type) {
                case F16 -> Float.float16ToFloat(in.getShort());
                case BF16 -> Float.intBitsToFloat(in.getShort() << 16);
                case F32 -> in.getFloat();
                case F64 -> single(in.getDouble());
            });
        }
        return out.array();
    }

    private float single(double value) throws TensorFormatException {
        float single = (float) value;
        if (Float.isInfinite(single) && !Double.isInfinite(value)) {
            throw new TensorFormatException(path, "an element is " + value + ", beyond the largest float32");
        }
        return single;
    }
}
