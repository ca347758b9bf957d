package dev.kdeformer.runtime;

/** Prints the vector width that kernels get from this Java and these options; the test matrix asks before it runs. */
final class PrintVectorBits {
    private PrintVectorBits() {
    }

    /** Prints one number. */
    public static void main(String[] args) {
        System.out.println(MachineProbe.vectorBits());
    }
}
