package dev.kdeformer;

import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.exact.ExactGradient;
import dev.kdeformer.kdeformer.HyperAttention;
import dev.kdeformer.kdeformer.KdeformerAttention;
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

/** The entry: a builder for each attention method. */
public final class Attention {
    private Attention() {
    }

    /** Returns exact attention. */
    public static ExactAttention.Builder exact() {
        return ExactAttention.builder();
    }

    /** Gradients of exact attention. */
    public static ExactGradient.Builder exactGradient() {
        return ExactGradient.builder();
    }

    /** KDEformer: hash-sorted blocks, and keys sampled by their values. */
    public static KdeformerAttention.Builder kdeformer() {
        return KdeformerAttention.builder();
    }

    /** HyperAttention: hash-sorted blocks, and keys sampled alike. */
    public static HyperAttention.Builder hyper() {
        return HyperAttention.builder();
    }

    /** Pilot attention. */
    public static PilotAttention.Builder pilot() {
        return PilotAttention.builder();
    }

    /** Returns the trivial method that gives every query the mean of the values. */
    public static MeanOfValues.Builder mean() {
        return MeanOfValues.builder();
    }

    /** Softmax attention to uniformly drawn keys. */
    public static UniformSampling.Builder uniform() {
        return UniformSampling.builder();
    }

    /** Returns the default: exact for short sequences, pilot attention within an error budget beyond. */
    public static AutoAttention.Builder auto() {
        return AutoAttention.builder();
    }

    /** Softmax attention to keys thinned by kernel halving. */
    public static Thinformer.Builder thinformer() {
        return Thinformer.builder();
    }

    /** Softmax attention to a weighted coreset of the keys. */
    public static WildCat.Builder wildcat() {
        return WildCat.builder();
    }

    /** Linear attention with positive orthogonal random features. */
    public static Performer.Builder performer() {
        return Performer.builder();
    }

    /** Attention inside chunks of rows sorted by a hash, in several rounds. */
    public static Reformer.Builder reformer() {
        return Reformer.builder();
    }

    /** Attention through landmarks of queries and keys. */
    public static Nystrom.Builder nystrom() {
        return Nystrom.builder();
    }

    /** Returns exact attention inside blocks, random features for all other keys. */
    public static ScatterBrain.Builder scatterbrain() {
        return ScatterBrain.builder();
    }

    /** KDEformer in the form that its theorem is about. */
    public static ProvableKdeformer.Builder provable() {
        return ProvableKdeformer.builder();
    }
}
