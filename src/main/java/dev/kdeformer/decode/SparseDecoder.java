package dev.kdeformer.decode;

import dev.kdeformer.measure.CheckedRows;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.ArrayList;
import java.util.List;

/** One call of approximate decoding: all rows of all heads, side by side where there are enough of them. */
final class SparseDecoder {
    private static final long PURPOSE = 0x636865636bL; // "check", so that no other user of the seed draws the same

    private final DecodeCall call;
    private final SparseDecoding options;

    SparseDecoder(DecodeCall call, SparseDecoding options) {
        this.call = call;
        this.options = options;
    }

    SparseDecoding.Statistics run() {
        Team team = call.team();
        int rows = call.rows();
        int tasks = call.units() * rows;
        SparseRow.Result[] results = new SparseRow.Result[tasks];
        if (tasks == 0) {
            return new SparseDecoding.Statistics(0, 0, 0, CheckedRows.none());
        }
        team.expect(tasks);
        if (tasks >= 2 * team.threads()) {
            team.forEach(tasks, (index, scratch) -> results[index] = one(index, rows, team.alone(scratch)));
        } else {
            for (int index = 0; index < tasks; index++) {
                results[index] = one(index, rows, team);
            }
        }
        double keys = 0;
        double bytes = 0;
        double predicted = 0;
        List<Double> checked = new ArrayList<>();
        for (SparseRow.Result each : results) {
            keys += each.keys();
            bytes += each.bytes();
            predicted += each.predicted() * each.predicted();
            if (!Double.isNaN(each.checked())) {
                checked.add(each.checked() * each.checked());
            }
        }
        return new SparseDecoding.Statistics(keys / tasks, bytes / tasks, Math.sqrt(predicted / tasks),
                options.checks() == 0 ? CheckedRows.none() : new CheckedRows(tasks, checked));
    }

    private SparseRow.Result one(int index, int rows, Team team) {
        SparseRow row = team.scratch().keep(SparseRow.class, SparseRow::new);
        CounterRandom random = CounterRandom.of(options.seed()).stream(PURPOSE, call.length());
        SparseRow.Result result = row.run(call, options, index / rows, index % rows, team,
                random.uniform(index) < options.checks());
        team.advance(1);
        return result;
    }
}
