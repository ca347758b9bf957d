/** Exact attention. */
package dev.kdeformer.exact;
