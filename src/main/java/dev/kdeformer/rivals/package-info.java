/** Other people's methods and trivial ones, behind the same interface, to compare with. */
package dev.kdeformer.rivals;
