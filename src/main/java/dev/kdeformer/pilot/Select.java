package dev.kdeformer.pilot;

/** Selection without sorting. */
final class Select {
    private Select() {
    }

    /** The element that would stand at index {@code k} if the first {@code count} were sorted; reorders them. */
    static long smallest(long[] a, int count, int k) {
        int low = 0;
        int high = count - 1;
        while (low < high) {
            long pivot = median(a[low], a[low + high >>> 1], a[high]);
            int i = low;
            int j = high;
            while (i <= j) {
                while (a[i] < pivot) {
                    i++;
                }
                while (a[j] > pivot) {
                    j--;
                }
                if (i <= j) {
                    long swap = a[i];
                    a[i++] = a[j];
                    a[j--] = swap;
                }
            }
            if (k <= j) {
                high = j;
            } else if (k >= i) {
                low = i;
            } else {
                return a[k];
            }
        }
        return a[k];
    }

    private static long median(long a, long b, long c) {
        return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    }
}
