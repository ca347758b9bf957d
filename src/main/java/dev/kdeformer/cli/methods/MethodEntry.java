package dev.kdeformer.cli.methods;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.cli.console.UsageError;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * One method on the command line: its name, what it is, and the options of its builder.
 *
 * @param <B> the method's builder
 */
public final class MethodEntry<B> {
    private final String name;
    private final String description;
    private final String source;
    private final Supplier<B> builder;
    private final Function<B, ? extends AttentionMethod> build;
    private final Map<String, MethodOption<B, ?>> options = new LinkedHashMap<>();
    private BiConsumer<B, Integer> evaluations;
    private BiConsumer<B, ErrorBudget> errorBudget;
    private BiConsumer<B, Calibration> calibration;
    private BiConsumer<B, Long> seed;

    /**
     * Declares a method.
     *
     * @param source where it comes from: authors and year
     */
    public MethodEntry(String name, String description, String source, Supplier<B> builder,
            Function<B, ? extends AttentionMethod> build) {
        this.name = name;
        this.description = description;
        this.source = source;
        this.builder = builder;
        this.build = build;
    }

    /** The method takes a budget of key evaluations per query, {@code --columns}. */
    public MethodEntry<B> evaluations(BiConsumer<B, Integer> setter) {
        evaluations = setter;
        return this;
    }

    /** The method takes {@code --budget}. */
    public MethodEntry<B> errorBudget(BiConsumer<B, ErrorBudget> setter) {
        errorBudget = setter;
        return this;
    }

    /** The method takes {@code --calibration}, with the error budget that it is for. */
    public MethodEntry<B> calibration(BiConsumer<B, Calibration> setter) {
        calibration = setter;
        return this;
    }

    /** The method takes {@code --seed}. */
    public MethodEntry<B> seed(BiConsumer<B, Long> setter) {
        seed = setter;
        return this;
    }

    /** The method has an option that takes a whole number. */
    public MethodEntry<B> whole(String option, String meaning, String byDefault, BiConsumer<B, Integer> setter) {
        return option(option, "a whole number", meaning, byDefault, Integer::valueOf, setter);
    }

    /** The method has an option that takes a number. */
    public MethodEntry<B> real(String option, String meaning, String byDefault, BiConsumer<B, Double> setter) {
        return option(option, "a number", meaning, byDefault, MethodEntry::finite, setter);
    }

    /** The method has an option that is true or false. */
    public MethodEntry<B> flag(String option, String meaning, String byDefault, BiConsumer<B, Boolean> setter) {
        return option(option, "true or false", meaning, byDefault, MethodEntry::flag, setter);
    }

    /** The method has an option that takes a constant of an enum, in lower case with hyphens. */
    public <E extends Enum<E>> MethodEntry<B> choice(String option, String meaning, String byDefault, Class<E> type,
            BiConsumer<B, E> setter) {
        StringBuilder kind = new StringBuilder();
        for (E constant : type.getEnumConstants()) {
            kind.append(kind.isEmpty() ? "" : " or ").append(word(constant));
        }
        return option(option, kind.toString(), meaning, byDefault, text -> constant(type, text), setter);
    }

    private <T> MethodEntry<B> option(String option, String kind, String meaning, String byDefault,
            Function<String, T> parse, BiConsumer<B, T> setter) {
        if (options.containsKey(option)) {
            throw new IllegalStateException("option " + option + " of method " + name + " is declared twice");
        }
        options.put(option, new MethodOption<>(option, kind, meaning, byDefault, parse, setter));
        return this;
    }

    /** What the method is called. */
    public String name() {
        return name;
    }

    /** What the method is, in one line. */
    public String description() {
        return description;
    }

    /** Where the method comes from. */
    public String source() {
        return source;
    }

    /** Whether {@code --columns} applies. */
    public boolean takesEvaluations() {
        return evaluations != null;
    }

    /** Whether {@code --seed} applies, so that another seed gives another output. */
    public boolean takesSeed() {
        return seed != null;
    }

    /** Whether {@code --budget} applies. */
    public boolean takesErrorBudget() {
        return errorBudget != null;
    }

    /** Whether {@code --calibration} applies. */
    public boolean takesCalibration() {
        return calibration != null;
    }

    /** Whether the method has an option of this name. */
    public boolean has(String option) {
        return options.containsKey(option);
    }

    /** The options, in the order of their declaration. */
    public Collection<MethodOption<B, ?>> options() {
        return options.values();
    }

    /** The names of the options, for messages. */
    String optionNames() {
        return options.isEmpty() ? "none" : String.join(", ", options.keySet());
    }

    /**
     * Makes the method.
     *
     * @param allowed what it may spend, of a kind that it takes
     * @param chosen  values of this method's own options
     * @throws UsageError if a value is not of the option's kind or the builder refuses it
     */
    public AttentionMethod make(Allowance allowed, long seedValue, Map<String, String> chosen) {
        B target = builder.get();
        try {
            if (seed != null) {
                seed.accept(target, seedValue);
            }
            if (allowed.evaluations().isPresent()) {
                evaluations.accept(target, allowed.evaluations().getAsInt());
            }
            if (allowed.error() != null) {
                errorBudget.accept(target, allowed.error());
            }
            if (allowed.calibration() != null) {
                errorBudget.accept(target, ErrorBudget.relativeSpectral(allowed.calibration().budget()));
                calibration.accept(target, allowed.calibration());
            }
            chosen.forEach((option, text) -> options.get(option).set(name, target, text));
            return build.apply(target);
        } catch (IllegalArgumentException e) {
            throw new UsageError("method " + name + ": " + e.getMessage());
        }
    }

    private static Double finite(String text) {
        double value = Double.parseDouble(text);
        if (!Double.isFinite(value)) {
            throw new NumberFormatException("not finite");
        }
        return value;
    }

    private static Boolean flag(String text) {
        return switch (text) {
            case "true" -> Boolean.TRUE;
            case "false" -> Boolean.FALSE;
            default -> throw new IllegalArgumentException("neither true nor false");
        };
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String text) {
        for (E constant : type.getEnumConstants()) {
            if (word(constant).equals(text)) {
                return constant;
            }
        }
        throw new IllegalArgumentException("no such choice");
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
