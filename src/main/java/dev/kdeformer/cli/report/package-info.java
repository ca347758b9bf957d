/**
 * What was measured, in every form. {@code Report} holds runs of methods on one input; {@code TextReport} is its table,
 * Markdown, CSV and JSON; {@code Panel} and {@code BarPanel} are its pictures; {@code ReportOptions} writes what was
 * asked for to where it was asked for.
 *
 * <p>CSV is written by hand: every column is a number or a word, but for the name of the input, which is quoted. A
 * library would begin to pay where CSV is read.
 */
package dev.kdeformer.cli.report;
