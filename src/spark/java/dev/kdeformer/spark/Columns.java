package dev.kdeformer.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import java.util.Arrays;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;

/** The columns of data sets, looked at before anything is computed. */
final class Columns {
    static final String HEAD = "head";
    static final String POSITION = "position";
    static final String START = "start";
    static final String ROWS = "rows";
    static final String QUERY = "query";
    static final String KEY = "key";
    static final String VALUE = "value";
    static final String BIAS = "bias";
    static final String OUTPUT = "output";
    static final String LOG_SUM = "logSumExp";

    private Columns() {
    }

    /** A column as an integer; head 0 where a data set has no heads. */
    static Column integer(Dataset<Row> data, String name, DataType type) {
        StructField field = find(data, name);
        if (field == null && name.equals(HEAD)) {
            return lit(0).cast(type).as(name);
        }
        DataType found = required(data, name).dataType();
        if (!Arrays.asList(DataTypes.ByteType, DataTypes.ShortType, DataTypes.IntegerType, DataTypes.LongType)
                .contains(found)) {
            throw refusal(name, "an integer", found);
        }
        return col(name).cast(type).as(name);
    }

    /** A column of arrays of floats, or one of nulls where it is not wanted. */
    static Column floats(Dataset<Row> data, String name, boolean wanted) {
        if (!wanted) {
            return lit(null).cast(DataTypes.createArrayType(DataTypes.FloatType)).as(name);
        }
        DataType found = required(data, name).dataType();
        if (!(found instanceof ArrayType array) || !array.elementType().equals(DataTypes.FloatType)) {
            throw refusal(name, "array<float>", found);
        }
        return col(name);
    }

    /** A column of bytes. */
    static Column binary(Dataset<Row> data, String name) {
        DataType found = required(data, name).dataType();
        if (!found.equals(DataTypes.BinaryType)) {
            throw refusal(name, "binary", found);
        }
        return col(name);
    }

    /** The bias as a float, or nulls where a data set has none. */
    static Column bias(Dataset<Row> data, boolean wanted) {
        if (!wanted || !has(data, BIAS)) {
            return lit(null).cast(DataTypes.FloatType).as(BIAS);
        }
        DataType found = required(data, BIAS).dataType();
        if (!Arrays.asList(DataTypes.FloatType, DataTypes.DoubleType, DataTypes.IntegerType, DataTypes.LongType)
                .contains(found)) {
            throw refusal(BIAS, "a number", found);
        }
        return col(BIAS).cast(DataTypes.FloatType).as(BIAS);
    }

    static boolean has(Dataset<Row> data, String name) {
        return find(data, name) != null;
    }

    private static StructField find(Dataset<Row> data, String name) {
        return Arrays.stream(data.schema().fields()).filter(field -> field.name().equals(name)).findFirst()
                .orElse(null);
    }

    private static StructField required(Dataset<Row> data, String name) {
        StructField field = find(data, name);
        if (field == null) {
            throw new IllegalArgumentException("data set must have a column " + name + ", got "
                    + String.join(", ", data.columns()));
        }
        return field;
    }

    private static IllegalArgumentException refusal(String name, String wanted, DataType found) {
        return new IllegalArgumentException("column " + name + " must be " + wanted + ", got " + found.sql());
    }
}
