/**
 * Pilot attention under a causal rule: spans of consecutive queries, one pilot row for each of their tiles over the
 * keys before the span, and exact attention at the diagonal. Some spans make a {@link
 * dev.kdeformer.pilot.causal.CausalBatch}, whose pilot rows are one product.
 */
package dev.kdeformer.pilot.causal;
