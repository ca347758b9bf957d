package dev.kdeformer.decode;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** One call of approximate decoding: all rows of all heads, side by side where there are enough of them. */
final class SparseDecoder {
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
            return new SparseDecoding.Statistics(0, 0, 0, options.checks() == 0 ? Double.NaN : 0);
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
        double checked = 0;
        for (SparseRow.Result each : results) {
            keys += each.keys();
            bytes += each.bytes();
            predicted += each.predicted() * each.predicted();
            checked += each.checked();
        }
        return new SparseDecoding.Statistics(keys / tasks, bytes / tasks, Math.sqrt(predicted / tasks),
                Double.isNaN(checked) ? checked : Math.sqrt(Math.max(0, checked / tasks)));
    }

    private SparseRow.Result one(int index, int rows, Team team) {
        SparseRow row = team.scratch().keep(SparseRow.class, SparseRow::new);
        SparseRow.Result result = row.run(call, options, index / rows, index % rows, team,
                CounterRandom.of(options.seed()).stream(index));
        team.advance(1);
        return result;
    }
}
