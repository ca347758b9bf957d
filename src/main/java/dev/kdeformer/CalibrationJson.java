package dev.kdeformer;

import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.Calibration.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Calibrations as JSON text. The reader takes the members in any order, and no others. */
final class CalibrationJson {
    private static final String VERSION = "kdeformer-calibration";
    private static final int SHOWN = 30;

    private final String text;
    private int at;

    CalibrationJson(String text) {
        this.text = text;
    }

    static String write(Calibration calibration) {
        StringBuilder json = new StringBuilder();
        json.append("{\n  \"").append(VERSION).append("\": 1,\n  \"budget\": ").append(calibration.budget())
                .append(",\n  \"causal\": ").append(calibration.causal()).append(",\n  \"heads\": [");
        String separator = "\n";
        for (Effort each : calibration.efforts()) {
            json.append(separator).append("    {\"kind\": \"").append(word(each.kind())).append("\", \"rung\": ")
                    .append(each.rung()).append(", \"error\": ").append(each.error()).append('}');
            separator = ",\n";
        }
        return json.append("\n  ]\n}\n").toString();
    }

    private static String word(Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    Calibration read() {
        double version = 0;
        double budget = Double.NaN;
        boolean causal = false;
        List<Effort> efforts = List.of();
        expect('{');
        do {
            String name = name();
            switch (name) {
                case VERSION -> version = number();
                case "budget" -> budget = number();
                case "causal" -> causal = flag();
                case "heads" -> efforts = efforts();
                default -> throw wrong("no member \"" + shown(name) + "\" is known");
            }
        } while (accept(','));
        expect('}');
        if (token() >= 0) {
            throw wrong("nothing may follow");
        }
        if (version != 1) {
            throw new IllegalArgumentException("\"" + VERSION + "\" must be 1, got "
                    + (version == 0 ? "none" : String.valueOf(version)));
        }
        return new Calibration(budget, causal, efforts);
    }

    private List<Effort> efforts() {
        List<Effort> efforts = new ArrayList<>();
        expect('[');
        do {
            if (efforts.size() == Calibration.MOST_HEADS) {
                throw wrong("there may be at most " + Calibration.MOST_HEADS + " heads");
            }
            efforts.add(effort());
        } while (accept(','));
        expect(']');
        return efforts;
    }

    private Effort effort() {
        Kind kind = null;
        double rung = 0;
        double error = 0;
        expect('{');
        do {
            String name = name();
            switch (name) {
                case "kind" -> kind = kind(string());
                case "rung" -> rung = number();
                case "error" -> error = number();
                default -> throw wrong("no member \"" + shown(name) + "\" of a head is known");
            }
        } while (accept(','));
        expect('}');
        if (kind == null) {
            throw wrong("a head must have a \"kind\"");
        }
        return new Effort(kind, rung, error);
    }

    private Kind kind(String word) {
        for (Kind each : Kind.values()) {
            if (word(each).equals(word)) {
                return each;
            }
        }
        throw wrong("no kind \"" + shown(word) + "\" is known");
    }

    private String name() {
        String name = string();
        expect(':');
        return name;
    }

    /** Names and words have no escapes. */
    private String string() {
        expect('"');
        int end = text.indexOf('"', at);
        if (end < 0 || text.substring(at, end).indexOf('\\') >= 0) {
            throw wrong("a plain word in quotes is expected");
        }
        String string = text.substring(at, end);
        at = end + 1;
        return string;
    }

    private double number() {
        token();
        int from = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        try {
            return Double.parseDouble(text.substring(from, at));
        } catch (NumberFormatException e) {
            at = from;
            throw wrong("a number is expected");
        }
    }

    private boolean flag() {
        token();
        for (String word : new String[] {"true", "false"}) {
            if (text.startsWith(word, at)) {
                at += word.length();
                return word.equals("true");
            }
        }
        throw wrong("true or false is expected");
    }

    /** The next character that is no blank, or −1 at the end; moves to it. */
    private int token() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        return at < text.length() ? text.charAt(at) : -1;
    }

    private boolean accept(char c) {
        if (token() != c) {
            return false;
        }
        at++;
        return true;
    }

    private void expect(char c) {
        if (!accept(c)) {
            throw wrong("'" + c + "' is expected");
        }
    }

    private IllegalArgumentException wrong(String what) {
        return new IllegalArgumentException("calibration is malformed at character " + at + ": " + what);
    }

    private static String shown(String word) {
        return word.length() > SHOWN ? word.substring(0, SHOWN) + "..." : word;
    }
}
