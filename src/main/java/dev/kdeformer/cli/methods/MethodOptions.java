package dev.kdeformer.cli.methods;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.cli.console.UsageError;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import picocli.CommandLine.Option;

/** The methods' own options, and the making of methods from names, budgets, seed and options. */
public final class MethodOptions {
    @Option(names = "--budget", paramLabel = "E|rows:E:FRACTION", split = ",", order = 22,
            converter = BudgetText.class,
            description = "Relative spectral error that a head may have, or the error of a row and the fraction of "
                    + "rows within it, comma-separated: every method that takes an error budget is run at each and "
                    + "spends what it needs. A method that cannot keep one of the second kind says so.")
    private List<ErrorBudget> errorBudgets = new ArrayList<>();

    @Option(names = "--columns", paramLabel = "C", split = ",", order = 21,
            description = "Key evaluations per query that a method may spend, comma-separated: every method that takes "
                    + "such a budget is run at each (default: each method's own choice).")
    private List<Integer> evaluations = new ArrayList<>();

    @Option(names = "--calibration", paramLabel = "FILE.json", order = 23,
            description = "Efforts that 'kdebench calibrate' has found, - for standard input: every method that takes "
                    + "such begins with them, within the error budget that they are for.")
    private Path calibrationFile;

    @Option(names = {"-O", "--option"}, paramLabel = "[METHOD.]NAME=VALUE", order = 23,
            description = "An option of a method; without METHOD. it holds for every chosen method that has it. May be "
                    + "repeated. 'kdebench methods' lists them.")
    private Map<String, String> options = new LinkedHashMap<>();

    private final Map<AttentionMethod, Integer> budgets = new IdentityHashMap<>();
    private Calibration calibration;

    /**
     * Makes the methods of some names: one for each budget where the method takes a budget, else one.
     *
     * @throws UsageError if a name, budget or option is wrong or has no effect on any of the methods
     */
    public List<AttentionMethod> make(List<String> names, long seed) {
        return make(names, seed, Map.of());
    }

    /**
     * Makes the method of a name.
     *
     * @param defaults options, where the method gets no budget
     * @throws UsageError as above, or if there are several budgets
     */
    public AttentionMethod makeOne(String name, long seed, Map<String, String> defaults) {
        List<AttentionMethod> made = make(List.of(name), seed, Map.of(name, defaults));
        if (made.size() > 1) {
            throw new UsageError("--columns, --budget and --calibration together take one value here, got "
                    + made.size());
        }
        return made.get(0);
    }

    /**
     * Makes the method of a name, which must have gradients.
     *
     * @throws UsageError as above, or if it has none, or none with these options
     */
    public DifferentiableMethod makeDifferentiable(String name, long seed) {
        return withGradients(makeOne(name, seed, Map.of()));
    }

    /**
     * The method itself, which must have gradients.
     *
     * @throws UsageError if it has none, or none with its options
     */
    public static DifferentiableMethod withGradients(AttentionMethod method) {
        if (!(method instanceof DifferentiableMethod differentiable)) {
            throw new UsageError("method " + method.name() + " has no gradients");
        }
        try {
            differentiable.gradient();
        } catch (IllegalStateException e) {
            throw new UsageError(e.getMessage());
        }
        return differentiable;
    }

    /** The key evaluations that a method which was made here may spend; empty where that is its own choice. */
    public OptionalInt budget(AttentionMethod method) {
        Integer budget = budgets.get(method);
        return budget == null ? OptionalInt.empty() : OptionalInt.of(budget);
    }

    /** Whether any of these options is given. */
    public boolean isGiven() {
        return !evaluations.isEmpty() || !errorBudgets.isEmpty() || calibrationFile != null || !options.isEmpty();
    }

    /**
     * Refuses an input that the methods' calibration, if there is one, is not for.
     *
     * @throws UsageError if it has another number of heads or another kind of mask
     */
    public void checkFit(AttentionInput input) {
        if (calibration != null) {
            CalibrationFile.requireFit(calibration, input);
        }
    }

    private List<AttentionMethod> make(List<String> names, long seed, Map<String, Map<String, String>> defaults) {
        for (int budget : evaluations) {
            if (budget < 1) {
                throw new UsageError("--columns must be at least 1, got " + budget);
            }
        }
        Map<String, MethodEntry<?>> entries = new LinkedHashMap<>();
        names.forEach(name -> entries.put(name, Methods.find(name)));
        if (!evaluations.isEmpty() && entries.values().stream().noneMatch(MethodEntry::takesEvaluations)) {
            throw new UsageError("--columns has no effect on " + String.join(", ", entries.keySet()));
        }
        readCalibration(entries);
        if (!errorBudgets.isEmpty() && entries.values().stream().noneMatch(MethodEntry::takesErrorBudget)) {
            throw new UsageError("--budget has no effect on " + String.join(", ", entries.keySet()));
        }
        Map<String, Map<String, String>> chosen = assign(entries);
        List<AttentionMethod> made = new ArrayList<>();
        for (MethodEntry<?> entry : entries.values()) {
            Map<String, String> own = chosen.get(entry.name());
            int before = made.size();
            if (entry.takesEvaluations()) {
                for (int budget : new LinkedHashSet<>(evaluations)) {
                    AttentionMethod method = entry.make(Allowance.evaluations(budget), seed, own);
                    budgets.put(method, budget);
                    made.add(method);
                }
            }
            if (entry.takesCalibration() && calibration != null) {
                made.add(entry.make(Allowance.calibrated(calibration), seed, own));
            } else if (entry.takesErrorBudget()) {
                for (ErrorBudget error : new LinkedHashSet<>(errorBudgets)) {
                    made.add(entry.make(Allowance.within(error), seed, own));
                }
            }
            if (made.size() == before) {
                Map<String, String> all = new LinkedHashMap<>(defaults.getOrDefault(entry.name(), Map.of()));
                all.putAll(own);
                made.add(entry.make(Allowance.NONE, seed, all));
            }
        }
        return made;
    }

    private void readCalibration(Map<String, MethodEntry<?>> entries) {
        if (calibrationFile == null) {
            return;
        }
        if (entries.values().stream().noneMatch(MethodEntry::takesCalibration)) {
            throw new UsageError("--calibration has no effect on " + String.join(", ", entries.keySet()));
        }
        calibration = CalibrationFile.read(calibrationFile);
        ErrorBudget own = ErrorBudget.relativeSpectral(calibration.budget());
        for (ErrorBudget error : errorBudgets) {
            if (!error.equals(own)) {
                throw new UsageError("--budget must be that of --calibration, " + own + ", got " + error);
            }
        }
    }

    /** The options' values by method and name. */
    private Map<String, Map<String, String>> assign(Map<String, MethodEntry<?>> entries) {
        Map<String, Map<String, String>> chosen = new LinkedHashMap<>();
        entries.keySet().forEach(name -> chosen.put(name, new LinkedHashMap<>()));
        for (Map.Entry<String, String> option : options.entrySet()) {
            String target = option.getKey();
            String value = option.getValue();
            int dot = target.indexOf('.');
            String name = target.substring(dot + 1);
            Set<String> methods = dot < 0 ? entries.keySet() : Set.of(target.substring(0, dot));
            boolean used = false;
            for (String method : methods) {
                MethodEntry<?> entry = entries.get(method);
                if (entry == null) {
                    Methods.find(method);
                    throw new UsageError("-O " + target + "=" + value + " has no effect: method " + method
                            + " is not run");
                }
                if (entry.has(name)) {
                    chosen.get(method).put(name, value);
                    used = true;
                } else if (dot >= 0) {
                    throw new UsageError("method " + method + " has no option '" + name + "'; its options are: "
                            + entry.optionNames());
                }
            }
            if (!used) {
                throw new UsageError("none of the methods " + String.join(", ", methods) + " has an option '" + name
                        + "'; 'kdebench methods' lists them");
            }
        }
        return chosen;
    }
}
