/**
 * Running methods and measuring them: {@code Turns} times computations fairly, a class named Bench answers one kind of
 * question with it, the class named Report beside it says the answer. The options that such commands share stand here
 * too.
 */
package dev.kdeformer.cli.bench;
