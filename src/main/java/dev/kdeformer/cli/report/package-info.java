/**
 * What was measured, in every form. A report is a {@code Form}; its figures are a list of {@code Columns}, from which
 * table, Markdown, CSV and JSON follow, so that a new figure is one line. {@code Report} holds runs of methods on one
 * input and is the form of {@code run} and {@code compare}; other commands have their own forms, beside their benches,
 * and take over its columns. {@code Panel} and {@code BarPanel} are pictures, {@code ReportOptions} writes what was
 * asked for to where it was asked for, and {@code OutputFiles} finds out before the work whether that can be done.
 *
 * <p>Tables are laid out by a library, and so are JSON, charts and the HTML of the paper's page. CSV is written by
 * hand: it is the one method {@code Columns.quoted}, and a library for it would ask for more lines to be set up.
 */
package dev.kdeformer.cli.report;
