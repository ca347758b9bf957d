package dev.kdeformer.cli.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values as JSON knows them: texts, whole numbers, fractions, lists, maps and null. */
public final class Plain {
    private Plain() {
    }

    /** An object that stands for one column's path and is null where nothing in it is known. */
    static final class Nested extends LinkedHashMap<String, Object> {
        private static final long serialVersionUID = 1;
    }

    /** A value as JSON knows it; null for a number that is not finite. */
    public static Object of(Object value) {
        return switch (value) {
            case null -> null;
            case Boolean flag -> flag;
            case Double number -> number(number);
            // By way of its decimal text, so that 0.1f is shown as 0.1 and not as 0.10000000149.
            case Float number -> number(Double.parseDouble(Float.toString(number)));
            case Number number -> number;
            case Map<?, ?> map -> map(map);
            case List<?> list -> list.stream().map(Plain::of).toList();
            default -> value.toString();
        };
    }

    private static Map<String, Object> map(Map<?, ?> values) {
        Map<String, Object> map = new LinkedHashMap<>();
        values.forEach((name, value) -> map.put(name.toString(), of(value)));
        return map;
    }

    /** A number as JSON knows it: whole numbers without a fraction, null for what is not finite. */
    public static Object number(double value) {
        if (!Double.isFinite(value)) {
            return null;
        }
        return value == Math.rint(value) && Math.abs(value) < 1L << 53 ? (Object) (long) value : (Object) value;
    }

    /** Replaces nested objects of which nothing is known by null. */
    static void dropUnknown(Map<String, Object> map) {
        map.replaceAll((name, value) -> {
            if (!(value instanceof Nested nested)) {
                return value;
            }
            dropUnknown(nested);
            return nested.values().stream().allMatch(inner -> inner == null) ? null : nested;
        });
    }
}
