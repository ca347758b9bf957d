package dev.kdeformer.cli.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes an SVG of the chart library small. All letters are outlines there, in absolute coordinates of a dozen digits;
 * a tenth of a pixel, relative coordinates and saying each outline once are enough, and a tenth of the size.
 */
final class SmallSvg {
    private static final Pattern PATH = Pattern.compile("<path d=\"([^\"]*)\"");
    private static final Pattern ROOT = Pattern.compile("<svg[^>]*>");
    private static final Pattern PART = Pattern.compile("([MLQCZ])([^MLQCZ\"]*)");
    private static final Pattern NUMBER = Pattern.compile("-?\\d+(?:\\.\\d+)?(?:E-?\\d+)?");
    private static final Pattern LONG_NUMBER = Pattern.compile("-?\\d+\\.\\d{2,}");
    /** Shorter outlines are not worth a name. */
    private static final int LEAST = 60;
    private static final int UNITS = 10;

    private SmallSvg() {
    }

    /** The same picture in fewer characters. */
    static String of(String svg) {
        Map<String, Integer> uses = new LinkedHashMap<>();
        String relative = PATH.matcher(svg).replaceAll(match -> {
            String outline = relative(match.group(1));
            uses.merge(outline, 1, Integer::sum);
            return "<path d=\"" + outline + "\"";
        });
        Map<String, String> names = new LinkedHashMap<>();
        uses.forEach((outline, count) -> {
            if (count > 1 && outline.length() >= LEAST) {
                names.put(outline, "t" + names.size());
            }
        });
        StringBuilder outlines = new StringBuilder("<defs>\n");
        names.forEach((outline, name) -> outlines.append("<path id=\"").append(name).append("\" d=\"").append(outline)
                .append("\"/>\n"));
        String named = PATH.matcher(relative).replaceAll(match -> names.containsKey(match.group(1))
                ? "<use xlink:href=\"#" + names.get(match.group(1)) + "\"" : match.group());
        named = ROOT.matcher(named).replaceFirst(match -> match.group() + "\n" + outlines + "</defs>");
        return LONG_NUMBER.matcher(named).replaceAll(match -> tenths(Math.round(Double.parseDouble(match.group())
                * UNITS))).replaceAll("\\n\\s+", "\n");
    }

    /** Path data of absolute commands as relative ones. */
    private static String relative(String data) {
        StringBuilder text = new StringBuilder();
        long[] at = {0, 0};
        long[] start = {0, 0};
        Matcher part = PART.matcher(data);
        while (part.find()) {
            if (part.group(1).equals("Z")) {
                text.append('z');
                at = start.clone();
                continue;
            }
            List<Long> values = new ArrayList<>();
            NUMBER.matcher(part.group(2)).results()
                    .forEach(number -> values.add(Math.round(Double.parseDouble(number.group()) * UNITS)));
            text.append(part.group(1).toLowerCase(Locale.ROOT));
            for (int i = 0; i < values.size(); i++) {
                String number = tenths(values.get(i) - at[i % 2]);
                text.append(i == 0 || number.startsWith("-") ? "" : " ").append(number);
            }
            at = new long[] {values.get(values.size() - 2), values.get(values.size() - 1)};
            if (part.group(1).equals("M")) {
                start = at.clone();
            }
        }
        return text.toString();
    }

    private static String tenths(long value) {
        String sign = value < 0 ? "-" : "";
        long whole = Math.abs(value) / UNITS;
        long rest = Math.abs(value) % UNITS;
        return sign + (whole == 0 && rest > 0 ? "" : whole) + (rest == 0 ? "" : "." + rest);
    }
}
