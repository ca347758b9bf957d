/**
 * Heads whose rows repeat: flat areas of a picture, tokens without positions, series of few levels. Distinct rows are
 * computed once, exactly, where they are so few that this costs less than an approximation.
 */
package dev.kdeformer.pilot.repeats;
