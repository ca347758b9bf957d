/**
 * What was measured, in every form. {@code Report} holds runs of methods on one input; {@code TextReport} is its table,
 * Markdown, CSV and JSON; {@code Panel} and {@code BarPanel} are its pictures; {@code ReportOptions} writes what was
 * asked for to where it was asked for.
 */
package dev.kdeformer.cli.report;
