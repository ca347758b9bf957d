/** {@code kdebench density}: kernel density estimation from files to files, with its report and its plot. */
package dev.kdeformer.cli.density;
