/** {@code kdebench model}: inputs for a model in an ONNX file, its runs with several methods, and their report. */
package dev.kdeformer.cli.model;
