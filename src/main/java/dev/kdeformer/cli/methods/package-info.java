/**
 * The methods of the library by name. {@code Methods} is the one list, {@code MethodEntry} says what a method is and
 * which options its builder has, {@code MethodOptions} makes methods from names, budgets, seed and {@code -O}.
 */
package dev.kdeformer.cli.methods;
