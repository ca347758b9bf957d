/**
 * What is attended: data sets and pictures by name from the jar or from a folder with a manifest ({@code Catalogue}),
 * tensors from files, random and made-up rows; {@code NamedInput} is the result with the words a report has for it.
 * {@code InputOptions} holds the options that choose.
 */
package dev.kdeformer.cli.input;
