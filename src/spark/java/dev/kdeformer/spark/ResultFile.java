package dev.kdeformer.spark;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Locale;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Where results go: a folder of Parquet files, or one .npy or .safetensors file that the driver puts together from such
 * a folder. Everything is written under another name beside the target and renamed at the end, so that the target is
 * either whole or not there.
 */
final class ResultFile {
    private final SparkSession session;
    private final Path target;
    private final FileSystem files;

    /**
     * A target that is not there yet.
     *
     * @throws IOException if there is something at that place, or the file system cannot be reached
     */
    ResultFile(SparkSession session, String path) throws IOException {
        this.session = session;
        Configuration configuration = session.sparkContext().hadoopConfiguration();
        Path given = new Path(path);
        this.files = given.getFileSystem(configuration);
        this.target = files.makeQualified(given);
        if (files.exists(target)) {
            throw new IOException(path + " is there already");
        }
    }

    /**
     * Computes and writes results.
     *
     * @param dimensions of a tensor, without its columns; null where the target is a folder
     * @param columns    floats of a row
     */
    void write(Dataset<Row> results, int[] dimensions, int columns) throws IOException {
        Path folder = beside();
        Path file = beside();
        try {
            // Rows of megabytes: without these the writer would look at its memory after a hundred of them only.
            results.write().option("parquet.block.size.row.check.min", 1).option("parquet.block.size.row.check.max", 8)
                    .parquet(folder.toString());
            if (dimensions == null) {
                rename(folder);
                return;
            }
            try (OutputStream out = files.create(file, false)) {
                out.write(header(dimensions, columns));
                Iterator<Row> rows = session.read().option("columnarReaderBatchSize", 8).parquet(folder.toString())
                        .select(Columns.HEAD, Columns.START, Columns.OUTPUT).orderBy(Columns.HEAD, Columns.START)
                        .toLocalIterator();
                while (rows.hasNext()) {
                    out.write((byte[]) rows.next().get(2));
                }
            }
            rename(file);
        } finally {
            files.delete(folder, true);
            files.delete(file, true);
        }
    }

    private Path beside() {
        return new Path(target.getParent(), target.getName() + "." + UUID.randomUUID());
    }

    private void rename(Path written) throws IOException {
        if (files.exists(target) || !files.rename(written, target)) {
            throw new IOException("what was written could not be renamed to " + target);
        }
    }

    /** Whether a name is that of a tensor's file. */
    static boolean isTensor(String path) {
        return path.endsWith(".npy") || path.endsWith(".safetensors");
    }

    private byte[] header(int[] dimensions, int columns) {
        StringBuilder shape = new StringBuilder();
        long bytes = (long) columns * Float.BYTES;
        for (int size : dimensions) {
            shape.append(size).append(", ");
            bytes *= size;
        }
        shape.append(columns);
        return target.getName().endsWith(".npy") ? npy(shape.toString()) : safetensors(shape.toString(), bytes);
    }

    private static byte[] npy(String shape) {
        String text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }";
        int length = Math.ceilDiv(10 + text.length() + 1, 64) * 64 - 10;
        return ("\u0093NUMPY\1\0" + (char) (length & 0xFF) + (char) (length >> 8)
                + String.format(Locale.ROOT, "%-" + (length - 1) + "s\n", text)).getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] safetensors(String shape, long bytes) {
        String text = "{\"output\":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[0," + bytes + "]}}";
        int length = Math.ceilDiv(text.length(), 8) * 8;
        String padded = String.format(Locale.ROOT, "%-" + length + "s", text);
        byte[] header = new byte[Long.BYTES + length];
        for (int i = 0; i < Long.BYTES; i++) {
            header[i] = (byte) ((long) length >> 8 * i);
        }
        System.arraycopy(padded.getBytes(StandardCharsets.US_ASCII), 0, header, Long.BYTES, length);
        return header;
    }
}
