package dev.kdeformer.cli.model;

import dev.kdeformer.cli.report.Times;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * One way to run a model at one length.
 *
 * @param name       onnxruntime, or the method
 * @param parameters the method's options
 * @param n          the length that was asked for
 * @param spent      what the whole run took
 * @param errors     of each float32 output; empty for what the others are compared with
 * @param layers     what is known of each attention; empty if not asked for
 * @param note       why it failed, or what a method could not do; else the empty string
 */
public record ModelRun(String name, Map<String, Object> parameters, int n, Spent spent,
        Map<String, OutputError> errors, List<Layer> layers, String note) {
    /**
     * What a run took.
     *
     * @param times       of the whole run; null if it failed
     * @param attentionMs of it, the attentions that are computed here; NaN where none is
     * @param speedup     against uncut ONNX Runtime; NaN without it
     * @param memory      of the process, before and while it ran
     */
    public record Spent(Times times, double attentionMs, double speedup, Memory memory) {
    }

    /**
     * Memory of the process in bytes, native memory included; NaN for what is not known.
     *
     * @param held     before the run, with the model open
     * @param expected {@code held} and what the run was said to take before it
     * @param peak     the most while it ran
     */
    public record Memory(double held, double expected, double peak) {
        static final Memory UNKNOWN = new Memory(Double.NaN, Double.NaN, Double.NaN);

        Memory withPeak(double bytes) {
            return new Memory(held, expected, bytes);
        }
    }

    /**
     * What an attention was given.
     *
     * @param queries queries n
     * @param keys    keys m
     * @param heads   query heads
     * @param d       features of queries and keys
     * @param mask    what its masks came to
     */
    public record Sizes(int queries, int keys, int heads, int d, String mask) {
    }

    /**
     * An attention of a run.
     *
     * @param index   its number among those that are computed here
     * @param name    its name in the file
     * @param sizes   what it was given
     * @param ms      its time
     * @param columns key evaluations per query
     * @param error   relative spectral error of its heads, the mean; NaN for what was not compared
     * @param note    what the method could not do, or chose; else the empty string
     */
    public record Layer(int index, String name, Sizes sizes, double ms, double columns, double error, String note) {
    }

    /** The worst error of the outputs by one measure, NaN if there is none. */
    double worst(ToDoubleFunction<OutputError> measure, boolean largest) {
        var values = errors.values().stream().mapToDouble(measure);
        return (largest ? values.max() : values.min()).orElse(Double.NaN);
    }

    /** The method with what tells it apart from others of its name. */
    public String label() {
        Object budget = parameters.get("budget");
        Object columns = parameters.get("columns");
        return name + (budget != null ? " " + budget : columns != null && !name.equals("exact") ? " " + columns : "");
    }
}
