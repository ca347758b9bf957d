package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.train.Schedule;
import dev.kdeformer.train.TrainingPlan;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** How long a run trains, on which lengths, at which rates. A resumed run keeps what is not given. */
public final class PlanOptions {
    private static final String BYTES = "20M";
    /** As help texts write it, which are format strings. */
    private static final String LENGTHS_IN_HELP = "512:60%%,4096:30%%,16384";
    private static final String LENGTHS = LENGTHS_IN_HELP.replace("%%", "%");
    private static final String STEP = "8192";
    private static final String RATE = "0.002";
    private static final String WARM_UP = "2%";
    private static final String DECAY = "20%";

    @Option(names = "--bytes", paramLabel = "B", order = 2,
            description = "Bytes to train on, counted as often as they are seen (default: " + BYTES + "). Numbers may "
                    + "end in k, M or G.")
    private String bytes;

    @Option(names = "--n", paramLabel = "N[:BYTES]", split = ",", order = 3,
            description = "Lengths of sequences, one after the other, with the bytes of each, as a number or in "
                    + "percent of all; the last takes what is left (default: " + LENGTHS_IN_HELP + ").")
    private List<String> lengths = new ArrayList<>();

    @Option(names = "--step-bytes", paramLabel = "B", order = 4,
            description = "Bytes of a step, as many sequences as fit into it, at least one (default: " + STEP + ").")
    private String stepBytes;

    @Option(names = "--rate", paramLabel = "R", order = 5,
            description = "Highest learning rate (default: " + RATE + ").")
    private Double rate;

    @Option(names = "--warm-up", paramLabel = "BYTES", order = 6,
            description = "Bytes over which the rate rises, also in percent (default: " + WARM_UP + "%).")
    private String warmUp;

    @Option(names = "--decay", paramLabel = "BYTES", order = 7,
            description = "Bytes at the end over which the rate falls, also in percent (default: " + DECAY + "%).")
    private String decay;

    /**
     * The plan.
     *
     * @param before the plan of the run that goes on, or null
     * @throws UsageError if the options do not fit together
     */
    public TrainingPlan plan(TrainingPlan before, long seed) {
        Schedule old = before == null ? null : before.schedule();
        long total = bytes != null || old == null ? Quantity.parse("--bytes", bytes == null ? BYTES : bytes)
                : old.total();
        List<TrainingPlan.Phase> phases = lengths.isEmpty() && before != null ? stretched(before, total)
                : phases(lengths.isEmpty() ? List.of(LENGTHS.split(",")) : lengths, total);
        try {
            return new TrainingPlan(phases,
                    before != null && stepBytes == null ? before.stepBytes()
                            : (int) Math.min(Integer.MAX_VALUE,
                                    Quantity.parse("--step-bytes", stepBytes == null ? STEP : stepBytes)),
                    new Schedule(rate != null ? rate : old != null ? old.peak() : Double.parseDouble(RATE),
                            old != null && warmUp == null ? old.warmUp()
                                    : share("--warm-up", warmUp == null ? WARM_UP : warmUp, total),
                            old != null && decay == null ? Math.min(total, old.decay())
                                    : share("--decay", decay == null ? DECAY : decay, total),
                            total),
                    before == null ? seed : before.seed());
        } catch (IllegalArgumentException e) {
            throw new UsageError(e.getMessage());
        }
    }

    /** The phases of a run whose end is moved. */
    private static List<TrainingPlan.Phase> stretched(TrainingPlan before, long total) {
        List<TrainingPlan.Phase> phases = new ArrayList<>();
        for (TrainingPlan.Phase phase : before.phases()) {
            boolean last = phases.size() + 1 == before.phases().size();
            phases.add(new TrainingPlan.Phase(phase.length(), last ? total : Math.min(total, phase.until())));
            if (phases.get(phases.size() - 1).until() == total) {
                break;
            }
        }
        return phases;
    }

    private static List<TrainingPlan.Phase> phases(List<String> texts, long total) {
        List<TrainingPlan.Phase> phases = new ArrayList<>();
        long end = 0;
        for (int i = 0; i < texts.size(); i++) {
            String[] parts = texts.get(i).split(":", 2);
            boolean last = i + 1 == texts.size();
            long length = Quantity.parse("--n", parts[0]);
            if (parts.length < 2 && !last) {
                throw new UsageError("--n must give the bytes of every length but the last, as in 512:60%, got "
                        + texts.get(i));
            }
            end = last ? total : Math.min(total, end + share("--n", parts[1], total));
            phases.add(new TrainingPlan.Phase((int) Math.min(Integer.MAX_VALUE, length), end));
        }
        return phases;
    }

    private static long share(String option, String text, long total) {
        if (!text.endsWith("%")) {
            return Quantity.parse(option, text);
        }
        return Math.round(Quantity.parse(option, text.substring(0, text.length() - 1)) / 100.0 * total);
    }
}
