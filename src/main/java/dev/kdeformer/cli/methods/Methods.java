package dev.kdeformer.cli.methods;

import dev.kdeformer.Attention;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kdeformer.Draws;
import dev.kdeformer.kdeformer.HyperAttention;
import dev.kdeformer.kdeformer.KdeformerAttention;
import dev.kdeformer.kdeformer.KeyWeights;
import dev.kdeformer.kdeformer.ProvableKdeformer;
import dev.kdeformer.pilot.AutoAttention;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.rivals.MeanOfValues;
import dev.kdeformer.rivals.Nystrom;
import dev.kdeformer.rivals.Performer;
import dev.kdeformer.rivals.Reformer;
import dev.kdeformer.rivals.ScatterBrain;
import dev.kdeformer.rivals.Thinformer;
import dev.kdeformer.rivals.UniformSampling;
import dev.kdeformer.rivals.WildCat;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Every method that the command line knows, in the order in which they are listed. To add one, add an entry here. */
public final class Methods {
    /** The method that all others are measured against. */
    public static final String EXACT = "exact";
    /** The method that every other has to beat. */
    public static final String TRIVIAL = "mean";

    private static final List<MethodEntry<?>> ALL = List.of(
            new MethodEntry<>("exact", "tiled softmax attention; the yardstick", "FlashAttention, Dao et al. 2022",
                    Attention::exact, ExactAttention.Builder::build),
            new MethodEntry<>("auto", "exact for short sequences, pilot within an error budget beyond", "this project",
                    Attention::auto, AutoAttention.Builder::build)
                    .seed(AutoAttention.Builder::seed)
                    .errorBudget(AutoAttention.Builder::budget).calibration(AutoAttention.Builder::calibration),
            new MethodEntry<>("pilot", "a pilot row per tile of similar queries; near keys exact, far ones expanded",
                    "this project", Attention::pilot, PilotAttention.Builder::build)
                    .evaluations(PilotAttention.Builder::columns).seed(PilotAttention.Builder::seed)
                    .errorBudget(PilotAttention.Builder::budget).calibration(PilotAttention.Builder::calibration)
                    .whole("near", "keys that a tile evaluates exactly", "384, causal 192",
                            PilotAttention.Builder::near)
                    .whole("candidates", "keys passed down the tree per query", "4",
                            PilotAttention.Builder::candidates)
                    .whole("groups", "groups of folded keys", "32, causal 64", PilotAttention.Builder::groups)
                    .whole("rank", "directions of the spread", "4", PilotAttention.Builder::rank)
                    .whole("tilt", "folded keys drawn to tilt values", "512, causal 256", PilotAttention.Builder::tilt)
                    .whole("tile", "queries of a tile", "256, causal all of a span", PilotAttention.Builder::tile)
                    .whole("span", "consecutive queries that share the keys before them, if causal", "256",
                            PilotAttention.Builder::span)
                    .whole("unbiased", "keys drawn for each tile to take the bias out of its far part", "0",
                            PilotAttention.Builder::unbiased)
                    .whole("peaked", "keys drawn in a second pass over queries that have a key of their own", "0",
                            PilotAttention.Builder::peaked),
            new MethodEntry<>("kdeformer", "hash-sorted blocks, and keys sampled by their values",
                    "Zandieh, Han, Daliri, Karbasi 2023", Attention::kdeformer, KdeformerAttention.Builder::build)
                    .evaluations(KdeformerAttention.Builder::columns)
                    .seed(KdeformerAttention.Builder::seed)
                    .whole("block-size", "most keys in a block", "256", KdeformerAttention.Builder::blockSize)
                    .whole("samples", "draws of keys for the rest", "512", KdeformerAttention.Builder::samples)
                    .whole("hash-bits", "signs of the hash", "7", KdeformerAttention.Builder::hashBits)
                    .choice("weights", "what keys are drawn by", "value-norm", KeyWeights.class,
                            KdeformerAttention.Builder::weights)
                    .choice("draws", "how keys are drawn", "with-replacement", Draws.class,
                            KdeformerAttention.Builder::draws),
            new MethodEntry<>("hyper", "hash-sorted blocks, and keys sampled alike",
                    "HyperAttention, Han et al. 2024", Attention::hyper, HyperAttention.Builder::build)
                    .evaluations(HyperAttention.Builder::columns)
                    .seed(HyperAttention.Builder::seed)
                    .whole("block-size", "most keys in a block", "256", HyperAttention.Builder::blockSize)
                    .whole("samples", "draws of keys for the rest", "256", HyperAttention.Builder::samples)
                    .whole("hash-bits", "signs of the hash", "7", HyperAttention.Builder::hashBits)
                    .whole("min-length", "fewer keys than this are attended exactly", "4096",
                            HyperAttention.Builder::minLength)
                    .choice("draws", "how keys are drawn", "with-replacement", Draws.class,
                            HyperAttention.Builder::draws),
            new MethodEntry<>("provable", "KDEformer with the error bound of its theorem; correct, not fast",
                    "Zandieh et al. 2023", Attention::provable, ProvableKdeformer.Builder::build)
                    .seed(ProvableKdeformer.Builder::seed)
                    .real("epsilon", "error bound, in units of the norms of P and V", "0.5",
                            ProvableKdeformer.Builder::epsilon)
                    .real("failure", "probability that the bound fails", "0.05",
                            ProvableKdeformer.Builder::failureProbability)
                    .choice("estimator", "how kernel densities are estimated", "exact", Estimator.class,
                            ProvableKdeformer.Builder::estimator)
                    .whole("samples", "keys drawn, instead of what epsilon asks for", "0, what epsilon asks for",
                            ProvableKdeformer.Builder::samples),
            new MethodEntry<>("mean", "mean of the visible values; no method may be worse", "trivial",
                    Attention::mean, MeanOfValues.Builder::build),
            new MethodEntry<>("uniform", "softmax over keys drawn uniformly", "trivial", Attention::uniform,
                    UniformSampling.Builder::build)
                    .evaluations(UniformSampling.Builder::columns).seed(UniformSampling.Builder::seed)
                    .whole("samples", "keys drawn for each head", "256", UniformSampling.Builder::samples),
            new MethodEntry<>("thinformer", "softmax over keys thinned by kernel halving",
                    "Thinformer, Carrell et al. 2025", Attention::thinformer, Thinformer.Builder::build)
                    .evaluations(Thinformer.Builder::columns).seed(Thinformer.Builder::seed)
                    .whole("oversampling", "g; 2^g sqrt(n) keys are kept", "2", Thinformer.Builder::oversampling)
                    .real("delta", "failure probability of the halvings", "0.5", Thinformer.Builder::delta),
            new MethodEntry<>("wildcat", "softmax over a weighted coreset of the keys",
                    "WildCat, Schröder and Mackey 2026", Attention::wildcat, WildCat.Builder::build)
                    .evaluations(WildCat.Builder::columns).seed(WildCat.Builder::seed)
                    .whole("coreset", "keys in the coreset", "128", WildCat.Builder::coreset)
                    .real("temperature", "flattens the kernel the coreset is chosen on; 0 for the authors' choice",
                            "0", WildCat.Builder::temperature),
            new MethodEntry<>("performer", "positive orthogonal random features", "Performer, Choromanski et al. 2021",
                    Attention::performer, Performer.Builder::build)
                    .evaluations(Performer.Builder::columns).seed(Performer.Builder::seed)
                    .whole("features", "random features", "256", Performer.Builder::features)
                    .flag("orthogonal", "whether directions are orthogonal", "true", Performer.Builder::orthogonal),
            new MethodEntry<>("reformer", "chunks of rows that hash alike, in several rounds",
                    "Reformer, Kitaev et al. 2020", Attention::reformer, Reformer.Builder::build)
                    .evaluations(Reformer.Builder::columns).seed(Reformer.Builder::seed)
                    .whole("chunk", "most keys in a chunk", "64", Reformer.Builder::chunk)
                    .whole("rounds", "hash rounds", "8", Reformer.Builder::rounds)
                    .whole("buckets", "buckets of the hash; 0 for one to each chunk", "0", Reformer.Builder::buckets),
            new MethodEntry<>("nystrom", "through landmarks of queries and keys", "Nyströmformer, Xiong et al. 2021",
                    Attention::nystrom, Nystrom.Builder::build)
                    .evaluations(Nystrom.Builder::columns)
                    .whole("landmarks", "landmarks of queries and keys", "64", Nystrom.Builder::landmarks)
                    .whole("iterations", "steps of the pseudoinverse", "6", Nystrom.Builder::iterations),
            new MethodEntry<>("scatterbrain", "exact inside blocks, random features elsewhere",
                    "Scatterbrain, Chen et al. 2021", Attention::scatterbrain, ScatterBrain.Builder::build)
                    .evaluations(ScatterBrain.Builder::columns).seed(ScatterBrain.Builder::seed)
                    .whole("block", "most keys in a block", "128", ScatterBrain.Builder::block)
                    .whole("features", "random features", "128", ScatterBrain.Builder::features)
                    .choice("support", "how blocks are made: by hash or position", "lsh", ScatterBrain.Support.class,
                            ScatterBrain.Builder::support)
                    .whole("bits", "signs of the hash", "7", ScatterBrain.Builder::bits)
                    .flag("orthogonal", "whether directions are orthogonal", "true", ScatterBrain.Builder::orthogonal));

    private Methods() {
    }

    /** All methods. */
    public static List<MethodEntry<?>> all() {
        return ALL;
    }

    /** Exact attention, and after it those of some methods that are others. */
    public static List<MethodEntry<?>> afterExact(List<MethodEntry<?>> methods) {
        List<MethodEntry<?>> all = new ArrayList<>(methods);
        all.removeIf(entry -> entry.name().equals(EXACT));
        all.add(0, find(EXACT));
        return List.copyOf(all);
    }

    /** Whether there is a method of this name. */
    public static boolean knows(String name) {
        return ALL.stream().anyMatch(entry -> entry.name().equals(name));
    }

    /**
     * The method of a name.
     *
     * @throws UsageError if there is none
     */
    public static MethodEntry<?> find(String name) {
        return ALL.stream().filter(entry -> entry.name().equals(name)).findFirst()
                .orElseThrow(() -> new UsageError("there is no method '" + name + "'; methods are "
                        + ALL.stream().map(MethodEntry::name).collect(Collectors.joining(", "))));
    }
}
