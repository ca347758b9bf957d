/** Random numbers without state, and drawing by weight: the same seed gives the same draws on any number of threads. */
package dev.kdeformer.sampling;
