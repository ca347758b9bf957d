package dev.kdeformer.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/** Data sets of blocks over tensors in files: each task reads the rows of its own blocks. */
final class TensorBlocks {
    private TensorBlocks() {
    }

    /**
     * Blocks of queries.
     *
     * @param start position of the first query of each head
     */
    static Dataset<Row> queries(SparkSession session, TensorFile query, long start, int blockRows) {
        return blocks(session, List.of(query), List.of(Columns.QUERY), start, blockRows);
    }

    /** Blocks of keys and values. */
    static Dataset<Row> keys(SparkSession session, TensorFile key, TensorFile value, long start, int blockRows) {
        return blocks(session, List.of(key, value), List.of(Columns.KEY, Columns.VALUE), start, blockRows);
    }

    private static Dataset<Row> blocks(SparkSession session, List<TensorFile> files, List<String> names, long start,
            int blockRows) {
        TensorFile.Shape4 shape = files.get(0).shape();
        List<Block> places = new ArrayList<>();
        for (int head = 0; head < shape.allHeads(); head++) {
            for (int from = 0; from < shape.rows(); from += blockRows) {
                places.add(new Block(head, from, Math.min(blockRows, shape.rows() - from)));
            }
        }
        JavaSparkContext context = JavaSparkContext.fromSparkContext(session.sparkContext());
        SerializableConfiguration settings = new SerializableConfiguration(context.hadoopConfiguration());
        StructType schema = new StructType().add(Columns.HEAD, DataTypes.IntegerType, false)
                .add(Columns.START, DataTypes.LongType, false).add(Columns.ROWS, DataTypes.IntegerType, false);
        for (String name : names) {
            schema = schema.add(name, DataTypes.BinaryType, false);
        }
        return session.createDataFrame(context.parallelize(places, places.size()).map(place -> {
            List<Object> cells = new ArrayList<>(List.of(place.head, start + place.start, place.rows));
            for (TensorFile file : files) {
                cells.add(read(file, place, settings.value()));
            }
            return RowFactory.create(cells.toArray());
        }), schema);
    }

    private static byte[] read(TensorFile file, Block place, Configuration configuration) {
        try {
            return file.read(place.head, (int) place.start, place.rows, configuration);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }
}
