package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.methods.Methods;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Methods that cannot do an input, such as one with a window, and why. Others are run without them. */
final class Refusals {
    private final String required;
    private final Map<String, IllegalArgumentException> refused = new LinkedHashMap<>();

    /**
     * No refusals yet.
     *
     * @param required the method that was asked for by its name, whose refusal ends the command, or null
     */
    Refusals(String required) {
        this.required = required;
    }

    /**
     * Runs a method for the first time.
     *
     * @return whether it can do the input
     * @throws IllegalArgumentException if it cannot and there is no use in going on without it
     */
    boolean allows(AttentionMethod method, Runnable call) {
        try {
            call.run();
            return true;
        } catch (IllegalArgumentException e) {
            if (method.name().equals(required) || method.name().equals(Methods.EXACT)) {
                throw e;
            }
            refused.putIfAbsent(method.name(), e);
            return false;
        }
    }

    /**
     * Ends the command if nothing is left to be compared.
     *
     * @throws IllegalArgumentException the first refusal
     */
    void check(List<AttentionMethod> able) {
        boolean left = able.stream().anyMatch(method -> !method.name().equals(Methods.EXACT));
        refused.forEach((name, reason) -> {
            if (!left && !name.equals(Methods.TRIVIAL)) {
                throw reason;
            }
        });
    }

    /** The reasons by method. */
    Map<String, String> reasons() {
        Map<String, String> reasons = new LinkedHashMap<>();
        refused.forEach((name, reason) -> reasons.put(name, reason.getMessage()));
        return reasons;
    }
}
