package dev.kdeformer.cli.model;

import dev.kdeformer.AttentionMethod;

/**
 * A way to compute an attention that a model's error may be divided among.
 *
 * @param label    what it is called in a note
 * @param method   what computes
 * @param budgeted whether it keeps an error in every head, so that its errors lie elsewhere than those of a fixed cost
 */
public record Effort(String label, AttentionMethod method, boolean budgeted) {
}
