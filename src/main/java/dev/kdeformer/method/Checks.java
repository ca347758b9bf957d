package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Element;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Argument checks of all methods, made before anything is computed or written. */
public final class Checks {
    /** A thread that owns nothing: what it may read, the engine's helpers may read. */
    private static final Thread STRANGER = new Thread();

    /** Largest logit in units of log 2 that leaves room for sums and differences in float32. */
    private static final double LARGEST_LOGIT = 0x1p120;

    /** Largest number of keys times largest value: weights may reach 2¹⁶ before they are rescaled. */
    private static final double LARGEST_VALUE_SUM = 0x1p108;

    private Checks() {
    }

    /**
     * Checks everything of a call but the elements: the shapes of the outputs, that all memory is alive, and that what
     * is written overlaps nothing else.
     *
     * @param logSumExp may be null
     * @throws IllegalArgumentException if a shape does not fit or memory overlaps or is read-only
     * @throws IllegalStateException    if an arena is closed
     */
    public static void outputs(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        inputs(engine, input);
        Objects.requireNonNull(output, "output");
        shape("output", output, input.outputShape());
        usable("output", output, engine);
        writable("output", output);
        apart("output", output, input);
        if (logSumExp != null) {
            shape("logSumExp", logSumExp, input.outputShape().withColumns(1));
            usable("logSumExp", logSumExp, engine);
            writable("logSumExp", logSumExp);
            logSumExp(logSumExp);
            apart("logSumExp", logSumExp, input);
            apart("logSumExp", logSumExp, "output", output);
        }
    }

    /** Checks that all memory of an input is there and open to the engine's threads. */
    static void inputs(Engine engine, AttentionInput input) {
        Objects.requireNonNull(engine, "engine");
        Objects.requireNonNull(input, "input");
        usable("query", input.query(), engine);
        usable("key", input.key(), engine);
        usable("value", input.value(), engine);
        biases(input).forEach((name, bias) -> usable(name, bias, engine));
    }

    /** The tensors that biases come from, by their names. */
    static Map<String, Tensor> biases(AttentionInput input) {
        Map<String, Tensor> biases = new LinkedHashMap<>();
        if (input.keyBias() != null) {
            biases.put("key bias", input.keyBias());
        }
        biases.putAll(biases(input.pairBias()));
        return biases;
    }

    /** The tensors that a bias per pair, or null, comes from, by their names. */
    public static Map<String, Tensor> biases(PairBias pairBias) {
        Map<String, Tensor> biases = new LinkedHashMap<>();
        if (pairBias != null) {
            for (Tensor tensor : pairBias.tensors()) {
                biases.put(biases.containsKey("pair bias") ? "columns of the pair bias" : "pair bias", tensor);
            }
        }
        return biases;
    }

    /**
     * Checks that an input says nothing that is not taken.
     *
     * @param name  who takes it
     * @param taken what is taken
     * @param other who takes more
     * @throws IllegalArgumentException naming the first thing that is not taken
     */
    public static void taken(String name, Set<InputFeature> taken, AttentionInput input, String other) {
        for (InputFeature feature : input.features()) {
            if (!taken.contains(feature)) {
                throw new IllegalArgumentException(name + " takes no " + feature + (feature.isOfMask()
                        ? ", got " + input.mask() : "") + "; " + other);
            }
        }
    }

    /**
     * Checks that a window is so short that a method computes what it shows exactly.
     *
     * @param most keys that the method computes exactly
     * @param why  what it does with so many
     * @throws IllegalArgumentException if the window is longer
     */
    public static void window(AttentionMethod method, Mask mask, int most, String why) {
        if (mask.hasWindow() && mask.window() > most) {
            throw new IllegalArgumentException("method " + method.name() + " takes windows of at most " + most
                    + " keys, " + why + ", got " + mask + "; method exact takes any");
        }
    }

    /**
     * Checks a tensor's shape.
     *
     * @throws IllegalArgumentException if it is another
     */
    public static void shape(String name, Tensor tensor, Shape wanted) {
        if (!tensor.shape().equals(wanted)) {
            throw new IllegalArgumentException(name + " must have shape " + wanted + ", got " + tensor.shape());
        }
    }

    /** Checks that a tensor's elements are numbers. */
    static void numbers(String name, Tensor tensor) {
        if (!tensor.element().isNumber()) {
            throw new IllegalArgumentException(name + " must be of numbers, got " + tensor.element());
        }
    }

    /**
     * Checks that a log-sum-exp is written as it is computed: what reads it needs all its digits.
     *
     * @throws IllegalArgumentException if it is of another element than float32
     */
    public static void logSumExp(Tensor tensor) {
        if (tensor.element() != Element.FLOAT32) {
            throw new IllegalArgumentException("logSumExp must be of FLOAT32, got " + tensor.element());
        }
    }

    /**
     * Checks that a tensor's memory is there and open to the engine's threads.
     *
     * @throws IllegalArgumentException if it belongs to a confined arena, which other threads cannot read
     * @throws IllegalStateException    if its arena is closed
     */
    public static void usable(String name, Tensor tensor, Engine engine) {
        if (!tensor.segment().scope().isAlive()) {
            throw new IllegalStateException(name + " belongs to a closed arena");
        }
        Thread caller = Thread.currentThread();
        if (!tensor.segment().isAccessibleBy(caller)) {
            throw new IllegalArgumentException(name + " belongs to a confined arena of another thread than "
                    + caller.getName());
        }
        if (engine.threads() > 1 && !tensor.segment().isAccessibleBy(STRANGER)) {
            throw new IllegalArgumentException(name + " belongs to a confined arena, which the engine's "
                    + engine.threads() + " threads cannot share; use Arena.ofShared() or an engine of one thread");
        }
    }

    /**
     * Checks that a tensor may be written and that no two of its elements share memory.
     *
     * @throws IllegalArgumentException if its memory is read-only or elements share it
     */
    public static void writable(String name, Tensor tensor) {
        if (tensor.segment().isReadOnly()) {
            throw new IllegalArgumentException(name + " must be writable, got read-only memory");
        }
        numbers(name, tensor);
        Shape shape = tensor.shape();
        if (shape.elements() == 0) {
            return;
        }
        long[] strides = {tensor.batchStride(), tensor.headStride(), tensor.rowStride(), tensor.columnStride()};
        int[] sizes = {shape.batch(), shape.heads(), shape.rows(), shape.columns()};
        // Sorted by stride, every dimension must step over all that the smaller ones span.
        long span = 1;
        boolean[] used = new boolean[4];
        for (int round = 0; round < 4; round++) {
            int smallest = -1;
            for (int i = 0; i < 4; i++) {
                if (!used[i] && (smallest < 0 || strides[i] < strides[smallest])) {
                    smallest = i;
                }
            }
            used[smallest] = true;
            if (sizes[smallest] == 1) {
                continue;
            }
            if (strides[smallest] < span) {
                throw new IllegalArgumentException(name + " must not overlap itself, got strides (" + strides[0] + ", "
                        + strides[1] + ", " + strides[2] + ", " + strides[3] + ") for shape " + shape);
            }
            span += strides[smallest] * (sizes[smallest] - 1L);
        }
    }

    /** Checks that a tensor shares no memory with an input. */
    public static void apart(String name, Tensor tensor, AttentionInput input) {
        apart(name, tensor, "query", input.query());
        apart(name, tensor, "key", input.key());
        apart(name, tensor, "value", input.value());
        biases(input).forEach((otherName, bias) -> apart(name, tensor, otherName, bias));
    }

    /**
     * Checks that two tensors share no memory.
     *
     * @throws IllegalArgumentException if they share some
     */
    public static void apart(String name, Tensor written, String otherName, Tensor other) {
        if (written.shape().elements() == 0 || other.shape().elements() == 0) {
            return;
        }
        if (used(written).asOverlappingSlice(used(other)).isPresent()) {
            throw new IllegalArgumentException(name + " must not overlap " + otherName + ", got memory shared with it");
        }
    }

    /** The bytes between the first and the last element. */
    private static MemorySegment used(Tensor t) {
        Shape s = t.shape();
        long last = t.batchStride() * (s.batch() - 1L) + t.headStride() * (s.heads() - 1L)
                + t.rowStride() * (s.rows() - 1L) + t.columnStride() * (s.columns() - 1L);
        return t.segment().asSlice(0, (last + 1) * t.element().bytes());
    }

    /**
     * The largest magnitudes of an input's elements.
     *
     * @param query of all queries
     * @param key   of the keys that a mask's lengths leave
     * @param value of their values
     */
    record Largest(double query, double key, double value) {
    }

    /** Checks that all elements are finite and that neither logits nor sums can leave float32. */
    public static void elements(Team team, AttentionInput input) {
        largest(team, input);
    }

    /** The same; returns what has been found. */
    static Largest largest(Team team, AttentionInput input) {
        Largest found = new Largest(largest(team, "query", input.query(), null),
                largest(team, "key", input.key(), input), largest(team, "value", input.value(), input));
        double bias = input.keyBias() == null ? 0 : Elements.largestOfKeys(input);
        if (input.pairBias() != null) {
            bias += largest(team, input.pairBias());
        }
        magnitudes(found.query, found.key, bias, found.value, input.d(), input.keys(), input.scale());
        return found;
    }

    /**
     * A number that no bias per pair exceeds in magnitude, but those that hide.
     *
     * @throws IllegalArgumentException if one that lies in memory is NaN or +∞
     */
    public static double largest(Team team, PairBias bias) {
        List<Tensor> tensors = bias.tensors();
        double largest = tensors.isEmpty() ? bias.bound() : 0;
        for (Tensor tensor : tensors) {
            largest += Elements.largestOfPairs(team, tensor);
        }
        return largest;
    }

    /**
     * Checks that neither logits nor sums can leave float32, from the largest magnitudes.
     *
     * @throws IllegalArgumentException if they can
     */
    public static void magnitudes(double query, double key, double bias, double value, int d, int keys, float scale) {
        double logit = (query * key * d * Math.abs(scale) + bias) / Math.log(2);
        if (!(logit < LARGEST_LOGIT)) {
            throw new IllegalArgumentException("logits may exceed what float32 holds: largest |query| " + (float) query
                    + ", |key| " + (float) key + ", scale " + scale + ", d " + d
                    + (bias == 0 ? "; their product must stay below 1e36"
                            : ", |bias| " + (float) bias + "; product and bias must add up to less than 1e36"));
        }
        if (!(value * keys < LARGEST_VALUE_SUM)) {
            throw new IllegalArgumentException("sums of values may exceed what float32 holds: largest |value| "
                    + (float) value + " times " + keys + " keys must stay below 3e32");
        }
    }

    /**
     * The largest magnitude of a tensor's elements.
     *
     * @param lengths whose key lengths leave rows out, or null
     * @throws IllegalArgumentException if one of them is not finite
     */
    public static double largest(Team team, String name, Tensor tensor, AttentionInput lengths) {
        return Elements.largest(team, name, tensor, lengths);
    }
}
