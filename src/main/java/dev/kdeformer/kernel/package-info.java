/**
 * The innermost loops, written with vectors of the width of the machine, and the layouts of memory that they read. Each
 * stands beside a scalar form of itself that tests hold it against.
 *
 * <p>Register tiles, what deals rows and columns to them and their scalar references may take more than seven
 * arguments: they are addresses, strides and counts of one loop, and a record of them would be an object for each call
 * wherever the compiler does not take it apart. What is told once for a block or a step is told as a value. Tiles name
 * each of their registers, since the compiler keeps no array of vectors in registers, and each kernel deals to its own
 * tiles, since a call through a reference is not inlined where two kernels share it; so loops of the same shape stand
 * side by side here.
 */
package dev.kdeformer.kernel;
