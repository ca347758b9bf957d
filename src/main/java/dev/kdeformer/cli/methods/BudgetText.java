package dev.kdeformer.cli.methods;

import dev.kdeformer.ErrorBudget;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Error budgets as they are written on the command line: a number, or {@code rows:ERROR:FRACTION}. */
final class BudgetText implements ITypeConverter<ErrorBudget> {
    private static final String ROWS = "rows:";

    @Override
    public ErrorBudget convert(String text) {
        try {
            if (!text.startsWith(ROWS)) {
                return ErrorBudget.relativeSpectral(Double.parseDouble(text));
            }
            String[] parts = text.substring(ROWS.length()).split(":", -1);
            if (parts.length != 2) {
                throw new NumberFormatException(text);
            }
            return ErrorBudget.rows(Double.parseDouble(parts[0]), Double.parseDouble(parts[1]));
        } catch (NumberFormatException e) {
            throw new TypeConversionException("must be a number or rows:ERROR:FRACTION, got '" + text + "'");
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
