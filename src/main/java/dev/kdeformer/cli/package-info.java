/**
 * The command line {@code kdebench}: one class a command, options shared as mixins, one registry of methods.
 *
 * <p>What every command holds to: results go to standard output, everything else to standard error; an error is one
 * sentence on one line; exit code 0 for success, 1 for a failure, 2 for a wrong call. A file is whole or not there.
 */
package dev.kdeformer.cli;
