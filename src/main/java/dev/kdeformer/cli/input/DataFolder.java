package dev.kdeformer.cli.input;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** A folder of data sets besides the embedded ones. */
public final class DataFolder {
    @Option(names = "--data-dir", paramLabel = "DIR", order = 11, defaultValue = "${env:KDEBENCH_DATA}",
            description = "Folder with a manifest.json and its files, whose sets come before the embedded ones (or set "
                    + "KDEBENCH_DATA).")
    private Path folder;

    /** Whether a folder was named; an empty variable of the environment names none. */
    boolean isGiven() {
        return folder != null && !folder.toString().isEmpty();
    }

    /** Where to look for data, in this order. */
    public List<Catalogue> catalogues() {
        return isGiven() ? List.of(Catalogue.of(folder), Catalogue.embedded()) : List.of(Catalogue.embedded());
    }
}
