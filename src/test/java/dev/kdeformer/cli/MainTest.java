package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MainTest {
    @Test
    void withoutCommandPrintsTheUsage() {
        String usage = Outcome.of().succeeds().out();
        assertTrue(usage.startsWith("Usage: kdebench"), usage);
        assertEquals(usage, Outcome.of("--help").succeeds().out());
        assertTrue(Outcome.of("--version").succeeds().out().startsWith("kdebench "));
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "compare", "decode", "gradcheck", "peers", "methods", "data", "info"})
    void everyCommandHasHelp(String command) {
        String help = Outcome.of(command, "--help").succeeds().out();
        assertTrue(help.startsWith("Usage: kdebench " + command), help);
        assertTrue(Outcome.of().out().contains("  " + command + " "), "not listed: " + command);
        assertFalse(help.lines().anyMatch(line -> line.length() > 100), help);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "dance                                   | Unmatched argument",
        "run --colums 5                          | did you mean",
        "run extra                               | Unmatched argument",
        "run --data nothing                      | --data must be one of glove-16384",
        "run --method nothing                    | methods are exact",
        "compare --methods exact,nothing         | there is no method 'nothing'",
        "run --columns 7 --method mean           | --columns has no effect on exact, mean",
        "compare --methods mean --columns 1,0    | --columns must be at least 1, got 0",
        "run --columns many                      | Invalid value for option '--columns'",
        "run --threads 0                         | --threads must be between 1 and 1024, got 0",
        "run --threads                           | Missing required parameter",
        "run --repeat 0                          | --repeat must be between 1 and 10000, got 0",
        "run --warm-up -1                        | --warm-up must be between 0 and 3600, got -1",
        "run --certificate 7                     | --certificate must be 0 or at least 8, got 7",
        "run --certificate -1                    | --certificate must be 0 or at least 8, got -1",
        "run --n 0                               | --n must be between 1 and 16384 for glove-16384, got 0",
        "run --n 16385                           | got 16385",
        "run --causal=sideways                   | --causal must be lower-right, upper-left or none, got sideways",
        "run --scale NaN                         | scale must be finite",
        "run --scale 1e99                        | scale must be finite",
        "run --key-lengths 1,2                   | mask must give a key length for each of the 1 batch items, got 2",
        "run --key-lengths -1                    | must not be negative",
        "run --key-lengths 17000                 | must be at most 16384",
        "run --q a.npy --k b.npy                 | --q, --k and --v are needed together",
        "run --q a --k a --v a --data glove-16384 | exclude each other",
        "run --names q=a                         | --names needs --safetensors",
        "run --safetensors f --names x=a         | --names must be q=NAME,k=NAME,v=NAME",
        "run --no-exact --method exact           | --no-exact leaves no method to run",
        "run -O block                            | should be in KEY=VALUE format but was block",
        "run -O block=3 --method mean            | none of the methods exact, mean has an option 'block'",
        "run -O mean.block=3 --method mean       | method mean has no option 'block'; its options are: none",
        "run -O nothing.block=3                  | there is no method 'nothing'",
        "compare --methods exact -O mean.a=3     | method mean is not run",
        "run --json --csv                        | --json and --csv both go to standard output",
        "run --plot picture.jpeg                 | --plot must end in .svg or .png, got picture.jpeg",
        "data nothing                            | there is no 'nothing'; there are glove-16384",
        "data -o somewhere                       | -o needs the NAME"})
    void wrongCallsGiveOneLineAndExitCode2(String line, String words) {
        Outcome.of(line.strip().split(" +")).failsWith(2, words);
    }

    @Test
    void whatTheUserTypesCannotBreakTheLine() {
        Outcome.of("run", "--data", "a\nb\u001b[31mc\rd").failsWith(2, "a b?[31mc d");
        Outcome.of("run", "--method", "x".repeat(100_000)).failsWith(2, "...");
    }

    @Test
    void anUnwritableStandardOutputIsAFailure() {
        StringWriter err = new StringWriter();
        PrintWriter full = new PrintWriter(new OutputStream() {
            @Override
            public void write(int b) throws java.io.IOException {
                throw new java.io.IOException("full");
            }
        });
        assertEquals(1, Main.execute(full, new PrintWriter(err), "methods"));
        assertEquals(List.of("kdebench: standard output cannot be written"), err.toString().lines().toList());
    }

    @Test
    void helpIsACommandToo() {
        assertTrue(Outcome.of("help").succeeds().out().contains("Usage: kdebench"));
        assertTrue(Outcome.of("help", "gradcheck").succeeds().out().contains("default: random input"));
    }

    @Test
    void namesMayBeginWithAnAtSignAndHoldCommasAndQuotes() {
        Outcome.of("run", "--q", "@q.npy", "--k", "@q.npy", "--v", "@q.npy").failsWith(1, "@q.npy: no such file");
        Outcome.of("run", "--safetensors", "none", "--names", "q=a,b\",v=c").failsWith(1, "none");
    }

    @Test
    void theParserSaysNothingOfQuotesInOptions() {
        Outcome.of("run", "--method", "pilot", "-O", "near=\"3").failsWith(2, "got '\"3'");
        assertTrue(CommandLine.tracer().isOff(), "warnings of the parser go past the command's own streams");
    }

    @Test
    void listsAreJsonToo() throws IOException {
        Map<String, Object> methods = JSON.std.mapFrom(
                Outcome.of("methods", "--json").succeeds().out());
        assertEquals("exact", ((Map<?, ?>) ((List<?>) methods.get("methods")).get(0)).get("name"));
        Map<String, Object> data = JSON.std.mapFrom(
                Outcome.of("data", "--json").succeeds().out());
        assertEquals("glove-16384", ((Map<?, ?>) ((List<?>) data.get("sets")).get(0)).get("name"));
    }
}
