/** Models in training and trained: texts, options, the curve of a run, and predictions with other attention. */
package dev.kdeformer.cli.training;
