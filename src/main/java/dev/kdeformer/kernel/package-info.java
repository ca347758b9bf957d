/**
 * The innermost loops, written with vectors of the width of the machine, and the layouts of memory that they read. Each
 * stands beside a scalar form of itself that tests hold it against.
 *
 * <p>Methods here may take more than seven arguments: they are addresses, strides and counts of one loop, and a record
 * of them would be an object for each call wherever the compiler does not take it apart.
 */
package dev.kdeformer.kernel;
