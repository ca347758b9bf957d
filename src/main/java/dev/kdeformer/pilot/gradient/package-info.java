/**
 * Gradients of pilot attention at a fixed cost. The walk down the tree is done again with a visitor that takes the
 * leaves, and hands the gradients by the far field on to the keys that were folded on the way up. {@link
 * dev.kdeformer.pilot.gradient.PlainPilot} is the same function in double precision, straight from its definition.
 */
package dev.kdeformer.pilot.gradient;
