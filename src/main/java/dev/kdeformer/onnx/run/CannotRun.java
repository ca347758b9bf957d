package dev.kdeformer.onnx.run;

/** Why an attention cannot be computed here with the values at hand, as a clause; ONNX Runtime then computes it. */
final class CannotRun extends Exception {
    private static final long serialVersionUID = 1L;

    CannotRun(String reason) {
        super(reason, null, false, false);
    }
}
