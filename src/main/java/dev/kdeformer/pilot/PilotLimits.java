package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.Mask;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.method.Checks;
import dev.kdeformer.pilot.search.PilotOptions;

/**
 * What pilot attention refuses besides what it does not list.
 *
 * @param plain  its options without a causal mask
 * @param causal and with one
 */
record PilotLimits(PilotOptions plain, PilotOptions causal) {
    /** Refuses to be cut into parts where something looks at results of all rows. */
    void checkParts() {
        if (plain.budget() != null || plain.draws().peaked() > 0) {
            throw new IllegalStateException("pilot attention has parts at a fixed cost only, without "
                    + (plain.budget() != null ? "an error budget" : "a second pass over peaked queries"));
        }
    }

    /** Refuses what a whole call of the method does not take. */
    void checkWhole(AttentionMethod method, AttentionInput input) {
        if (!input.mask().hasWindow()) {
            check(input);
        } else if (plain.budget() == null) {
            PilotOptions.Spending spending = (input.mask().isCausal() ? causal : plain).spending();
            Checks.window(method, input.mask(), spending.evaluations() > 0 ? spending.evaluations() : spending.near(),
                    "as many as it evaluates for a query");
        }
    }

    /** Refuses what parts, plans, calibrations and gradients do not take. */
    void check(AttentionInput input) {
        Mask mask = input.mask();
        if (mask.hasSequences() || mask.hasQueryLengths() || mask.hasWindow()) {
            throw new IllegalArgumentException("parts, plans and calibrations take no packed sequences, padded queries"
                    + " and windows, got " + mask);
        }
        Calibration calibration = plain.promise().calibration();
        if (calibration != null && (calibration.efforts().size() != input.heads()
                || calibration.causal() != mask.isCausal())) {
            throw new IllegalArgumentException("calibration is for " + calibration.efforts().size() + " heads"
                    + (calibration.causal() ? " with" : " without") + " a causal mask, got " + input.heads()
                    + " heads and " + mask);
        }
        PilotOptions.Draws draws = plain.draws();
        if (mask.isCausal() && (draws.unbiased() > 0 || draws.peaked() > 0)) {
            throw new IllegalArgumentException((draws.unbiased() > 0 ? "unbiased pilot attention"
                    : "a second pass over peaked queries") + " takes no causal mask, got " + mask);
        }
        if (input.d() > Lanes.DEPTH) {
            throw new IllegalArgumentException("pilot attention takes at most " + Lanes.DEPTH
                    + " features, got d = " + input.d());
        }
    }
}
