package dev.kdeformer.cli.methods;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.console.UsageError;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import picocli.CommandLine.Option;

/** The methods' own options, and the making of methods from names, budgets, seed and options. */
public final class MethodOptions {
    @Option(names = "--budget", paramLabel = "E", split = ",", order = 22,
            description = "Relative spectral error that a head may have, comma-separated: every method that takes an "
                    + "error budget is run at each and spends what it needs.")
    private List<Double> errorBudgets = new ArrayList<>();

    @Option(names = "--columns", paramLabel = "C", split = ",", order = 21,
            description = "Key evaluations per query that a method may spend, comma-separated: every method that takes "
                    + "such a budget is run at each (default: each method's own choice).")
    private List<Integer> evaluations = new ArrayList<>();

    @Option(names = {"-O", "--option"}, paramLabel = "[METHOD.]NAME=VALUE", order = 23,
            description = "An option of a method; without METHOD. it holds for every chosen method that has it. May be "
                    + "repeated. 'kdebench methods' lists them.")
    private Map<String, String> options = new LinkedHashMap<>();

    private final Map<AttentionMethod, Integer> budgets = new IdentityHashMap<>();

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
            throw new UsageError("--columns and --budget together take one value here, got "
                    + (evaluations.size() + errorBudgets.size()));
        }
        return made.get(0);
    }

    /** The key evaluations that a method which was made here may spend; empty where that is its own choice. */
    public OptionalInt budget(AttentionMethod method) {
        Integer budget = budgets.get(method);
        return budget == null ? OptionalInt.empty() : OptionalInt.of(budget);
    }

    /** Whether any of these options is given. */
    public boolean isGiven() {
        return !evaluations.isEmpty() || !errorBudgets.isEmpty() || !options.isEmpty();
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
                    AttentionMethod method = entry.make(OptionalInt.of(budget), OptionalDouble.empty(), seed, own);
                    budgets.put(method, budget);
                    made.add(method);
                }
            }
            if (entry.takesErrorBudget()) {
                for (double error : new LinkedHashSet<>(errorBudgets)) {
                    made.add(entry.make(OptionalInt.empty(), OptionalDouble.of(error), seed, own));
                }
            }
            if (made.size() == before) {
                Map<String, String> all = new LinkedHashMap<>(defaults.getOrDefault(entry.name(), Map.of()));
                all.putAll(own);
                made.add(entry.make(OptionalInt.empty(), OptionalDouble.empty(), seed, all));
            }
        }
        return made;
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
