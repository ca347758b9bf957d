package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.Calibration.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CalibrationTest {
    private static final Calibration TWO = new Calibration(0.05, true,
            List.of(new Effort(Kind.SPANS, 1.25, 0.031), Effort.EXACT));

    @Test
    void textIsReadAsItWasWritten() {
        assertEquals(TWO, Calibration.parse(TWO.toJson()));
        assertEquals(TWO, Calibration.parse("{\"heads\":[{\"error\":31e-3,\"rung\":1.25,\"kind\":\"spans\"},"
                + "{\"kind\":\"exact\"}],\"causal\":true,\"budget\":.05,\"kdeformer-calibration\":1}"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '#', value = {
        "[] | character 0: '{' is expected",
        "{ | character 1: '\"' is expected",
        "{\"budget\": x} | character 11: a number is expected",
        "{\"budget\": 1, \"age\": 3} | no member \"age\" is known",
        "{\"kdeformer-calibration\": 2} | \"kdeformer-calibration\" must be 1, got 2.0",
        "{\"budget\": 1} | \"kdeformer-calibration\" must be 1, got none",
        "{\"kdeformer-calibration\": 1, \"budget\": 1} | efforts must not be empty",
        "{\"kdeformer-calibration\": 1, \"heads\": [{\"kind\": \"tiles\"}]} | error budget must be a positive number",
        "{\"kdeformer-calibration\": 1, \"budget\": -1, \"heads\": [{\"kind\": \"tiles\"}]} | got -1.0",
        "{\"heads\": [{\"kind\": \"none\"}]} | no kind \"none\" is known",
        "{\"heads\": [{\"rung\": 1}]} | a head must have a \"kind\"",
        "{\"heads\": [{\"kind\": \"tiles\", \"rung\": 1e9}]} | rung must be between 0 and 1000, got 1.0E9",
        "{\"heads\": [{\"kind\": \"tiles\", \"error\": NaN}]} | a number is expected",
        "{\"causal\": maybe} | true or false is expected",
        "{\"a\\\"b\": 1} | a plain word in quotes is expected"})
    void whatIsWrongIsSaid(String text, String message) {
        String said = assertThrows(IllegalArgumentException.class, () -> Calibration.parse(text)).getMessage();
        assertTrue(said.contains(message), said);
    }

    @Test
    void everyBeginningOfATextIsRefused() {
        String whole = TWO.toJson().strip();
        for (int end = 0; end < whole.length(); end++) {
            String part = whole.substring(0, end);
            assertThrows(IllegalArgumentException.class, () -> Calibration.parse(part));
        }
        assertThrows(IllegalArgumentException.class, () -> Calibration.parse(whole + "x"));
    }

    @Test
    void ofTwoTheHigherEffortsAreKept() {
        Calibration other = new Calibration(0.05, true,
                List.of(new Effort(Kind.SPANS, 2, 0.01), new Effort(Kind.SPANS, 5, 0.04)));
        assertEquals(List.of(new Effort(Kind.SPANS, 2, 0.01), Effort.EXACT), TWO.or(other).efforts());
        assertEquals(TWO.or(other), other.or(TWO));
        Calibration plain = new Calibration(0.05, false, TWO.efforts());
        assertThrows(IllegalArgumentException.class, () -> TWO.or(plain));
    }

    @Test
    void headsAreTakenOut() {
        Effort tiles = new Effort(Kind.TILES, 2, 0.05);
        Calibration three = new Calibration(0.1, true, List.of(tiles, Effort.EXACT, tiles));
        assertEquals(new Calibration(0.1, true, List.of(Effort.EXACT, tiles)), three.heads(1, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> three.heads(2, 4));
        assertThrows(IllegalArgumentException.class, () -> three.heads(1, 1));
    }
}
