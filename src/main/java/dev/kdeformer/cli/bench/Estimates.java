package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
import java.util.List;
import java.util.Map;

/**
 * What methods would need on an input.
 *
 * @param input   what would be attended
 * @param threads number of threads
 * @param lines   one for each method and budget
 */
public record Estimates(NamedInput input, int threads, List<Line> lines) implements Form {
    /**
     * What a method would need.
     *
     * @param method       its name
     * @param parameters   its options
     * @param scratchBytes memory of a call besides input and output
     * @param bytes        all memory of a run
     * @param operations   floating-point operations of a call
     * @param ofExact      the same as a part of those of exact attention
     */
    record Line(String method, Map<String, Object> parameters, double scratchBytes, double bytes, double operations,
            double ofExact) {
    }

    private static Columns<Line> columns() {
        return new Columns<Line>()
                .text("method", "method", Line::method)
                .field("parameters", Line::parameters)
                .both("scratch memory", "scratchBytes", Line::scratchBytes,
                        line -> Sentences.bytes(line.scratchBytes()))
                .both("all memory", "bytes", Line::bytes, line -> Sentences.bytes(line.bytes()))
                .both("work of a call", "operations", Line::operations, line -> Sentences.operations(line.operations()))
                .both("of exact", "operationsOfExact", Line::ofExact,
                        line -> Sentences.digits(100 * line.ofExact()) + " %");
    }

    @Override
    public String heading() {
        return Report.heading(input, threads);
    }

    @Override
    public List<Table> tables() {
        return List.of(columns().table(lines));
    }

    @Override
    public List<String> notes() {
        return List.of();
    }

    @Override
    public String csv() {
        return Report.<Line>lead(line -> input).with(columns(), line -> line).csv(lines);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = Report.about(input);
        map.put("estimates", columns().maps(lines));
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        return List.of();
    }
}
