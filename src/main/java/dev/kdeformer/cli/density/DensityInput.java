package dev.kdeformer.cli.density;

import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.DataFolder;
import dev.kdeformer.cli.input.InputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.io.Npy;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Points, their weights and queries: from .npy files or a data set. */
public final class DensityInput {
    private static final String DEFAULT_DATA = "glove-16384";

    /** What the default data is reduced to, so that there is something to see. */
    private static final int DEFAULT_PRINCIPAL = 2;

    @Option(names = "--points", paramLabel = "FILE.npy", order = 1,
            description = "The points, (n, d) or (n).")
    private Path pointsFile;

    @Option(names = "--queries", paramLabel = "FILE.npy", order = 2,
            description = "Where to estimate the density, (m, d) or (m) (default: at the points).")
    private Path queriesFile;

    @Option(names = "--weights", paramLabel = "FILE.npy", order = 3,
            description = "A weight for each point, (n), not negative (default: all 1).")
    private Path weightsFile;

    @Option(names = "--data", paramLabel = "NAME", order = 4,
            description = "Take the keys of the first head of a data set as points (default: " + DEFAULT_DATA
                    + " where no --points are given); 'kdebench data' lists the sets.")
    private String data;

    @Mixin
    private DataFolder dataFolder;

    @Option(names = "--principal", paramLabel = "K", order = 12,
            description = "Reduce points and queries to the K leading principal components of the points (default: "
                    + DEFAULT_PRINCIPAL + " for the default data, else none).")
    private Integer principal;

    /**
     * What was read.
     *
     * @param points  (1, 1, n, d)
     * @param queries (1, 1, m, d)
     * @param weights n weights, or null for weights of 1
     * @param kept    the share of the points' variance that their principal components keep; 1 if they were not reduced
     */
    public record Loaded(String name, Tensor points, Tensor queries, double[] weights, double kept) {
    }

    /**
     * Reads the files.
     *
     * @throws UsageError  if options or shapes do not fit together
     * @throws IOException if a file cannot be read
     */
    public Loaded load(Arena arena) throws IOException {
        if (pointsFile != null && data != null) {
            throw new UsageError("--points and --data both give points; one of them is enough");
        }
        String name;
        Tensor points;
        if (pointsFile != null) {
            name = String.valueOf(pointsFile.getFileName());
            points = matrix(pointsFile, arena);
        } else {
            NamedInput input = InputOptions.fromData(arena, dataFolder, data == null ? DEFAULT_DATA : data);
            name = input.name();
            points = input.input().key().head(0, 0);
        }
        Tensor queries = queriesFile == null ? points : matrix(queriesFile, arena);
        int d = points.shape().columns();
        if (queries.shape().columns() != d) {
            throw new UsageError("--queries must have " + d + " columns like the points, got "
                    + queries.shape().columns());
        }
        double[] weights = weightsFile == null ? null : weights(arena, points.shape().rows());
        Integer components = principal == null && pointsFile == null && data == null ? (Integer) DEFAULT_PRINCIPAL
                : principal;
        if (components == null) {
            return new Loaded(name, points, queries, weights, 1);
        }
        if (components < 1 || components > d) {
            throw new UsageError("--principal must be between 1 and " + d + " for these points, got " + components);
        }
        PrincipalAxes axes = new PrincipalAxes(points, components);
        Tensor reduced = axes.project(points, arena);
        return new Loaded(name, reduced, queries == points ? reduced : axes.project(queries, arena), weights,
                axes.kept());
    }

    private static Tensor matrix(Path file, Arena arena) throws IOException {
        Tensor tensor = Npy.readRows(file, arena);
        Shape shape = tensor.shape();
        if (shape.batch() != 1 || shape.heads() != 1) {
            throw new Failure(file + ": must have shape (n, d) or (n), got (" + shape.batch() + ", " + shape.heads()
                    + ", " + shape.rows() + ", " + shape.columns() + ")");
        }
        return tensor;
    }

    private double[] weights(Arena arena, int count) throws IOException {
        Tensor tensor = matrix(weightsFile, arena);
        float[] values = tensor.toArray();
        if (values.length != count) {
            throw new UsageError("--weights must hold " + count + " numbers, one for each point, got "
                    + values.length);
        }
        double[] weights = new double[count];
        for (int i = 0; i < count; i++) {
            weights[i] = values[i];
        }
        return weights;
    }
}
