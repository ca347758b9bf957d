package dev.kdeformer.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run trains on: lengths of sequences, one after the other, bytes of a step, learning rates and the seed.
 *
 * @param phases    in ascending order of their ends, the last of which is the end of the run
 * @param stepBytes bytes of a step; where a sequence is longer, a step is one sequence
 * @param schedule  the learning rate
 * @param seed      seed of weights and of the places that sequences come from
 */
public record TrainingPlan(List<Phase> phases, int stepBytes, Schedule schedule, long seed) {
    /**
     * Sequences of one length.
     *
     * @param length bytes of a sequence
     * @param until  bytes seen at the end of the phase
     */
    public record Phase(int length, long until) {
    }

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException naming the one that does not fit
     */
    public TrainingPlan {
        phases = List.copyOf(phases);
        if (phases.isEmpty()) {
            throw new IllegalArgumentException("a run needs at least one length");
        }
        if (stepBytes < 1 || stepBytes > 1 << 24) {
            throw new IllegalArgumentException("bytes of a step must be between 1 and " + (1 << 24) + ", got "
                    + stepBytes);
        }
        long before = 0;
        for (Phase phase : phases) {
            if (phase.length < 2 || phase.length > 1 << 20) {
                throw new IllegalArgumentException("a sequence must have between 2 and " + (1 << 20) + " bytes, got "
                        + phase.length);
            }
            if (phase.until <= before) {
                throw new IllegalArgumentException("lengths must have their bytes in ascending order, got the end "
                        + phase.until + " after " + before);
            }
            before = phase.until;
        }
        if (before != schedule.total()) {
            throw new IllegalArgumentException("the lengths' bytes must add up to the " + schedule.total()
                    + " bytes of the run, got " + before);
        }
    }

    /** The length of the sequences of the step that begins after so many bytes. */
    public int length(long bytes) {
        for (Phase phase : phases) {
            if (bytes < phase.until) {
                return phase.length;
            }
        }
        return phases.get(phases.size() - 1).length;
    }

    /** Sequences of the step that begins after so many bytes. */
    public int sequences(long bytes) {
        return Math.max(1, stepBytes / length(bytes));
    }

    /** The longest sequence. */
    public int longest() {
        return phases.stream().mapToInt(Phase::length).max().orElseThrow();
    }

    /** Most tokens of a step. */
    public int largestStep() {
        return phases.stream().mapToInt(phase -> Math.max(1, stepBytes / phase.length) * phase.length).max()
                .orElseThrow();
    }

    /** The plan by name, as a checkpoint keeps it. */
    public Map<String, String> toMap() {
        Map<String, String> map = new LinkedHashMap<>();
        StringBuilder text = new StringBuilder();
        for (Phase phase : phases) {
            text.append(text.isEmpty() ? "" : ",").append(phase.length).append(':').append(phase.until);
        }
        map.put("phases", text.toString());
        map.put("step-bytes", Integer.toString(stepBytes));
        map.put("rate", Double.toString(schedule.peak()));
        map.put("warm-up", Long.toString(schedule.warmUp()));
        map.put("decay", Long.toString(schedule.decay()));
        map.put("seed", Long.toString(seed));
        return map;
    }

    /**
     * The plan that {@link #toMap} gave.
     *
     * @throws IllegalArgumentException if something is missing or does not fit
     */
    public static TrainingPlan of(Map<String, String> map) {
        List<Phase> phases = new ArrayList<>();
        try {
            for (String phase : text(map, "phases").split(",")) {
                String[] parts = phase.split(":", 2);
                phases.add(new Phase(Integer.parseInt(parts[0]), Long.parseLong(parts.length < 2 ? "" : parts[1])));
            }
            return new TrainingPlan(phases, Integer.parseInt(text(map, "step-bytes")),
                    new Schedule(Double.parseDouble(text(map, "rate")), Long.parseLong(text(map, "warm-up")),
                            Long.parseLong(text(map, "decay")), phases.get(phases.size() - 1).until),
                    Long.parseLong(text(map, "seed")));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("a number of the plan cannot be read: " + e.getMessage(), e);
        }
    }

    private static String text(Map<String, String> map, String name) {
        String text = map.get(name);
        if (text == null) {
            throw new IllegalArgumentException("there is no " + name);
        }
        return text;
    }
}
