/**
 * The methods of the library by name. {@code Methods} is the one list, {@code MethodEntry} says what a method is and
 * which options its builder has, {@code MethodOptions} makes methods from names, budgets, seed and {@code -O}.
 *
 * <p>{@code -O name=value} is read by picocli into a map and by {@code MethodOption} into the type that the builder
 * takes: which names there are depends on the method, which a parser of fixed options cannot know.
 */
package dev.kdeformer.cli.methods;
