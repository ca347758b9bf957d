package dev.kdeformer.io;

import dev.kdeformer.tensor.Shape;
import java.util.List;
import java.util.stream.Collectors;

/** The dimensions that a file states, and the tensor shape they stand for. */
final class Dimensions {
    /** More dimensions than NumPy or PyTorch allow; a longer list in a header is an attempt to fill the memory. */
    static final int MAX_RANK = 64;

    private Dimensions() {
    }

    /**
     * The shape of (n, d), (heads, n, d) or (batch, heads, n, d); dimensions that are not there count 1.
     *
     * @param subject   what has these dimensions, for the message
     * @param leastRank 2, or 1 where (n) is allowed too and stands for a column, (n, 1)
     */
    static Shape shape(String file, String subject, List<Long> dimensions, int leastRank)
            throws TensorFormatException {
        if (leastRank == 1 && dimensions.size() == 1) {
            return shape(file, subject, List.of(dimensions.get(0), 1L), 2);
        }
        int rank = dimensions.size();
        if (rank < 2 || rank > 4) {
            throw new TensorFormatException(file, subject + " has " + rank + " dimension" + (rank == 1 ? "" : "s")
                    + ", shape " + text(dimensions)
                    + "; allowed are " + (leastRank == 1 ? "1 (n), " : "")
                    + "2 (n, d), 3 (heads, n, d) and 4 (batch, heads, n, d)");
        }
        int[] sizes = {1, 1, 1, 1};
        for (int i = 0; i < rank; i++) {
            long size = dimensions.get(i);
            int least = rank - i > 2 ? 1 : 0;
            if (size < least || size > Integer.MAX_VALUE) {
                throw new TensorFormatException(file, subject + " has shape " + text(dimensions) + "; "
                        + (least == 0 ? "every dimension" : "numbers of batch items and heads") + " must be between "
                        + least + " and " + Integer.MAX_VALUE);
            }
            sizes[4 - rank + i] = (int) size;
        }
        try {
            return Shape.of(sizes[0], sizes[1], sizes[2], sizes[3]);
        } catch (IllegalArgumentException e) {
            throw new TensorFormatException(file, subject + " has shape " + text(dimensions)
                    + (sizes[2] == 0 || sizes[3] == 0 ? "; a tensor without elements must have at most 2^24 heads"
                            : "; a tensor must have at most 2^60 elements"));
        }
    }

    /** The dimensions of a shape with the given rank; those of a column if that is 1. */
    static List<Long> of(Shape shape, int rank) {
        if (rank == 1) {
            return List.of((long) shape.rows());
        }
        List<Long> all = List.of((long) shape.batch(), (long) shape.heads(), (long) shape.rows(),
                (long) shape.columns());
        return all.subList(4 - rank, 4);
    }

    /** Dimensions in the notation of Python, shortened when there are many. */
    static String text(List<Long> dimensions) {
        String inner = dimensions.stream().limit(8).map(String::valueOf).collect(Collectors.joining(", "));
        if (dimensions.size() > 8) {
            return "(" + inner + ", ...)";
        }
        return dimensions.size() == 1 ? "(" + inner + ",)" : "(" + inner + ")";
    }
}
