package dev.kdeformer.cli.methods;

import dev.kdeformer.cli.console.UsageError;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * An option of a method, as {@code -O NAME=VALUE} takes it.
 *
 * @param name      what it is called
 * @param kind      what it takes, in words that follow "must be"
 * @param meaning   what it does, in a few words
 * @param byDefault what holds without it, in words
 * @param parse     the value of a text; throws {@link IllegalArgumentException} if the text is not of this kind
 * @param setter    hands the value to the builder
 * @param <B>       the method's builder
 * @param <T>       the value
 */
public record MethodOption<B, T>(String name, String kind, String meaning, String byDefault, Function<String, T> parse,
        BiConsumer<B, T> setter) {
    /**
     * Sets the option.
     *
     * @throws UsageError if the text is not of this option's kind
     */
    void set(String method, B builder, String text) {
        T value;
        try {
            value = parse.apply(text);
        } catch (IllegalArgumentException e) {
            throw new UsageError("option " + method + "." + name + " must be " + kind + ", got '" + text + "'");
        }
        setter.accept(builder, value);
    }
}
