/**
 * Tensors from and to files: NumPy's .npy and the .safetensors format.
 *
 * <p>Files are read as hostile input. A header is parsed by a small strict parser of its own, every size it states is
 * compared with the true length of the file before memory is allocated for it, and whatever is wrong ends in a
 * {@link dev.kdeformer.io.TensorFormatException} of one sentence. Data is read in chunks and never memory-mapped,
 * because a mapped file that another process shortens takes the whole virtual machine down.
 *
 * <p>Files are written beside their target and moved over it when complete, see {@link dev.kdeformer.io.AtomicFile}.
 */
package dev.kdeformer.io;
