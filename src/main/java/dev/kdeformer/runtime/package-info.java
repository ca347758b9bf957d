/** Threads, scratch memory and facts about the machine. Knows nothing of attention. */
package dev.kdeformer.runtime;
