/**
 * How far an approximate output is from the exact one: measured against it
 * ({@link dev.kdeformer.measure.ErrorReport}), or estimated without it from a few exact rows
 * ({@link dev.kdeformer.measure.Certificate}).
 */
package dev.kdeformer.measure;
