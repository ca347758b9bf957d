/** The work of exact attention and of its gradient, for the methods that compute all or a part of a call exactly. */
package dev.kdeformer.exact.tiled;
