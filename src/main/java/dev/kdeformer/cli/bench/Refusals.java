package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.method.Checks;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Methods that cannot do an input, such as one with a window, and why. Others are run without them. */
public final class Refusals {
    private final String required;
    private final Map<String, IllegalArgumentException> refused = new LinkedHashMap<>();

    /**
     * No refusals yet.
     *
     * @param required the method that was asked for by its name, whose refusal ends the command, or null
     */
    public Refusals(String required) {
        this.required = required;
    }

    /**
     * The methods that take all that an input says, found out before anything is run.
     *
     * @throws IllegalArgumentException if one does not and there is no use in going on without it
     */
    public List<AttentionMethod> taking(List<AttentionMethod> methods, AttentionInput input) {
        return methods.stream().filter(method -> allows(method, () -> Checks.taken("method " + method.name(),
                method.takes(), input, "method exact does"))).toList();
    }

    /**
     * Runs a method for the first time, which may find other reasons to refuse.
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
    public void check(List<AttentionMethod> able) {
        boolean left = able.stream().anyMatch(method -> !method.name().equals(Methods.EXACT));
        refused.forEach((name, reason) -> {
            if (!left && !name.equals(Methods.TRIVIAL)) {
                throw reason;
            }
        });
    }

    /** The reasons by method. */
    public Map<String, String> reasons() {
        Map<String, String> reasons = new LinkedHashMap<>();
        refused.forEach((name, reason) -> reasons.put(name, reason.getMessage()));
        return reasons;
    }
}
