package dev.kdeformer.cli;

import dev.kdeformer.Attention;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.rivals.MeanOfValues;
import dev.kdeformer.rivals.UniformSampling;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Every method that the command line knows, in the order in which they are listed. To add one, add an entry here. */
final class Methods {
    private static final List<MethodEntry<?>> ALL = List.of(
            new MethodEntry<>("exact", "tiled softmax attention; the yardstick", "FlashAttention, Dao et al. 2022",
                    Attention::exact, ExactAttention.Builder::build),
            new MethodEntry<>("mean", "mean of the visible values; no method may be worse", "trivial",
                    Attention::mean, MeanOfValues.Builder::build),
            new MethodEntry<>("uniform", "softmax over keys drawn uniformly", "trivial", Attention::uniform,
                    UniformSampling.Builder::build)
                    .columns(UniformSampling.Builder::columns).seed(UniformSampling.Builder::seed)
                    .whole("samples", "keys drawn for each head", "256", UniformSampling.Builder::samples));

    private Methods() {
    }

    /** All methods. */
    static List<MethodEntry<?>> all() {
        return ALL;
    }

    /** Whether there is a method of this name. */
    static boolean knows(String name) {
        return ALL.stream().anyMatch(entry -> entry.name().equals(name));
    }

    /**
     * The method of a name.
     *
     * @throws UsageError if there is none
     */
    static MethodEntry<?> find(String name) {
        return ALL.stream().filter(entry -> entry.name().equals(name)).findFirst()
                .orElseThrow(() -> new UsageError("there is no method '" + name + "'; methods are "
                        + ALL.stream().map(MethodEntry::name).collect(Collectors.joining(", "))));
    }
}
