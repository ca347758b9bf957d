/**
 * How far an approximate output is from the exact one: measured against it
 * ({@link dev.kdeformer.measure.ErrorReport}), estimated without it from a few exact rows
 * ({@link dev.kdeformer.measure.Certificate}), or bounded without it for certain
 * ({@link dev.kdeformer.measure.RowBound}).
 */
package dev.kdeformer.measure;
