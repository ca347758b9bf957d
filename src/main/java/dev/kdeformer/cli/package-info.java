/**
 * The command line {@code kdebench}: {@code Main}, which picks a command and turns what it throws into one line and an
 * exit code, and one class for each command, which reads options and hands the work to the rooms below.
 *
 * <p>Where things stand, from the ground up; each room knows only those before it:
 * <ul>
 * <li>{@code console}: words, errors, progress, and what can be known of the machine;
 * <li>{@code input}: data sets, files and random tensors, and the options that choose among them;
 * <li>{@code methods}: the one list of methods with their options, and {@code -O};
 * <li>{@code report}: what was measured as a table, Markdown, CSV, JSON and pictures, and where these go;
 * <li>{@code bench}: running and timing methods; one bench with its report for each kind of question;
 * <li>{@code denoise}: pictures;
 * <li>{@code training}: training a model and judging it;
 * <li>{@code paper}: the page about the experiments of the KDEformer paper.
 * </ul>
 * {@code peers} stands apart: the interface that adapters to other engines implement.
 *
 * <p>A new command is a class here that is named in {@code Main}; a new method is an entry in
 * {@code methods.Methods}; a new figure in a report is one column in the list of that report.
 *
 * <p>What every command holds to: results go to standard output, everything else to standard error; an error is one
 * sentence on one line; exit code 0 for success, 1 for a failure, 2 for a wrong call. A file is whole or not there.
 */
package dev.kdeformer.cli;
