/**
 * The experiments of the KDEformer paper (Zandieh, Han, Daliri and Karbasi 2023) with every method: what is run
 * ({@code PaperPlan}), running it ({@code PaperBench}), a line of the result ({@code PaperRow}) and the page about all
 * of them ({@code PaperPage}).
 */
package dev.kdeformer.cli.paper;
