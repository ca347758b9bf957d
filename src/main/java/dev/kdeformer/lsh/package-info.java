/**
 * Bringing similar vectors together: a sign hash of the angle, a stable sort of its codes, and the cut of two sorted
 * orders into matching blocks.
 */
package dev.kdeformer.lsh;
