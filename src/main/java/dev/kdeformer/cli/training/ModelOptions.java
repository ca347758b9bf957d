package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.train.ModelShape;
import picocli.CommandLine.Option;

/** The sizes of a new model. */
public final class ModelOptions {
    private static final int BYTES = 256;
    private static final int HEAD_FEATURES = 64;

    @Option(names = "--layers", paramLabel = "L", order = 10, defaultValue = "4",
            description = "Layers (default: ${DEFAULT-VALUE}).")
    private int layers;

    @Option(names = "--width", paramLabel = "W", order = 11, defaultValue = "256",
            description = "Features of the residual stream, a multiple of 32 (default: ${DEFAULT-VALUE}).")
    private int width;

    @Option(names = "--heads", paramLabel = "H", order = 12, defaultValue = "4",
            description = "Query heads of 64 features (default: ${DEFAULT-VALUE}).")
    private int heads;

    @Option(names = "--kv-heads", paramLabel = "H", order = 13, defaultValue = "2",
            description = "Key and value heads, which the query heads share (default: ${DEFAULT-VALUE}).")
    private int kvHeads;

    @Option(names = "--hidden", paramLabel = "F", order = 14, defaultValue = "704",
            description = "Features inside the gated MLP, a multiple of 32 (default: ${DEFAULT-VALUE}).")
    private int hidden;

    @Option(names = "--rotary-base", paramLabel = "B", order = 15, defaultValue = "500000",
            description = "Base of the rotary positions (default: ${DEFAULT-VALUE}).")
    private double rotaryBase;

    /**
     * The shape of a decoder of bytes.
     *
     * @throws UsageError naming the option that does not fit
     */
    public ModelShape shape() {
        try {
            return new ModelShape(layers, width,
                    new ModelShape.Heads(heads, kvHeads, HEAD_FEATURES, rotaryBase), hidden, BYTES, 0);
        } catch (IllegalArgumentException e) {
            throw new UsageError("--" + e.getMessage());
        }
    }
}
