package dev.kdeformer.io;

import dev.kdeformer.runtime.OpenFile;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes files that are either whole or not there: the content goes to a temporary file in the same folder, which is
 * forced to the disk and then moved over the target in one step. When anything fails or the thread is interrupted,
 * and also when the virtual machine is shut down meanwhile (Ctrl-C), the temporary file is deleted and the target is
 * what it was. Only a machine or process that is killed outright can leave a temporary file, named
 * {@code .kdeformer-….tmp}. Several threads or processes may write the same target: the last one to finish wins.
 *
 * <p>Symbolic links are followed, the permissions of a file that is replaced are kept, and a target that is a device
 * or a pipe is written directly, because it has no earlier content to protect. So is a file that this process was given
 * open and that is named by its number, such as {@code /dev/fd/3}: the content goes behind what it has.
 */
public final class AtomicFile {
    private static final int MAX_LINKS = 40;

    private AtomicFile() {
    }

    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes everything to {@code out}, which is buffered; closing it does no harm.
         *
         * @throws IOException to give up, which leaves the target as it was
         */
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * Writes a file, or replaces it.
     *
     * @throws IOException if the target cannot be written or {@code content} throws; the target is then what it was
     * @throws FileSystemException if the target is an open file that is not open for writing
     */
    public static void write(Path target, Content content) throws IOException {
        Objects.requireNonNull(target, "target");
        Objects.requireNonNull(content, "content");
        Optional<Path> open = OpenFile.find(target);
        if (open.isPresent() || isDeviceOrPipe(target)) {
            if (open.isPresent() && !OpenFile.isWritable(open.get())) {
                throw new FileSystemException(target.toString(), null,
                        "cannot be written: no file is open for writing under this number");
            }
            // What stands in an open file before its end belongs to whoever opened it.
            try (FileChannel channel = FileChannel.open(target, open.isPresent() && Files.isRegularFile(target)
                    ? StandardOpenOption.APPEND : StandardOpenOption.WRITE)) {
                write(target, channel, content);
            } catch (AccessDeniedException e) {
                throw failure(target, e);
            }
            return;
        }
        Path place = followLinks(target.toAbsolutePath());
        try (Temporary temporary = Temporary.beside(place, target)) {
            write(target, temporary.channel, content);
            try {
                temporary.channel.force(true);
                temporary.channel.close();
                keepPermissions(place, temporary.path);
                Files.move(temporary.path, place, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw temporary.isAbandoned() ? shutdown(target) : failure(target, e);
            }
        }
        forceFolder(place.getParent());
    }

    private static void write(Path target, WritableByteChannel channel, Content content) throws IOException {
        OutputStream out = new BufferedOutputStream(new Output(target, channel));
        content.writeTo(out);
        out.flush();
    }

    private static boolean isDeviceOrPipe(Path target) {
        try {
            return Files.readAttributes(target, BasicFileAttributes.class).isOther();
        } catch (IOException e) {
            return false; // most often it is not there yet; if it cannot be written, that shows soon
        }
    }

    /** The file that would be written if the target were opened: a move would replace a link and not its file. */
    private static Path followLinks(Path target) throws IOException {
        Path place = target;
        for (int i = 0; Files.isSymbolicLink(place); i++) {
            if (i == MAX_LINKS) {
                throw new FileSystemException(target.toString(), null, "cannot be written: too many symbolic links");
            }
            place = place.resolveSibling(Files.readSymbolicLink(place));
        }
        if (Files.isDirectory(place)) {
            throw new FileSystemException(target.toString(), null, "cannot be written: this is a folder");
        }
        if (Files.exists(place) && !Files.isWritable(place)) {
            throw new AccessDeniedException(target.toString(), null, "cannot be written: no permission");
        }
        return place;
    }

    private static void keepPermissions(Path from, Path to) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(to, PosixFileAttributeView.class);
        if (view != null) {
            try {
                view.setPermissions(Files.getPosixFilePermissions(from));
            } catch (NoSuchFileException e) {
                return; // nothing is replaced
            }
        }
    }

    /** Makes the move itself survive a power cut, where the system lets folders be opened. */
    private static void forceFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            return; // the content is on the disk and the move is done: only its timing is up to the system
        }
    }

    private static IOException shutdown(Path target) {
        return new FileSystemException(target.toString(), null,
                "cannot be written: the virtual machine is shutting down");
    }

    /** The same failure, naming the target and saying why in words. */
    private static IOException failure(Path target, IOException e) {
        if (e instanceof ClosedChannelException) {
            return e; // an interrupt
        }
        String reason = e.getMessage();
        if (e instanceof NoSuchFileException) {
            reason = "its folder does not exist";
        } else if (e instanceof AccessDeniedException) {
            reason = "no permission";
        } else if (e instanceof FileSystemException system && system.getReason() != null) {
            reason = system.getReason();
        }
        FileSystemException failure = new FileSystemException(target.toString(), null, "cannot be written: " + reason);
        failure.initCause(e);
        return failure;
    }

    /** A stream into a channel that stays open when the stream is closed. */
    private static final class Output extends OutputStream {
        private final Path target;
        private final WritableByteChannel channel;

        Output(Path target, WritableByteChannel channel) {
            this.target = target;
            this.channel = channel;
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
            try {
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            } catch (IOException e) {
                throw failure(target, e);
            }
        }
    }

    /** A temporary file that is deleted on closing or on shutdown, whichever comes first. */
    private static final class Temporary implements Closeable {
        private final Path path;
        private final Thread hook = new Thread(this::abandon, "kdeformer-unfinished-file");
        private FileChannel channel;
        private boolean abandoned;

        private Temporary(Path path) {
            this.path = path;
        }

        static Temporary beside(Path place, Path target) throws IOException {
            String name = String.format(Locale.ROOT, ".kdeformer-%d-%016x.tmp", ProcessHandle.current().pid(),
                    ThreadLocalRandom.current().nextLong());
            Temporary temporary = new Temporary(place.resolveSibling(name));
            try {
                // The hook comes first, so that no moment is left in which a shutdown would forget the file.
                Runtime.getRuntime().addShutdownHook(temporary.hook);
                temporary.create();
            } catch (IllegalStateException e) {
                throw shutdown(target);
            } catch (IOException e) {
                temporary.removeHook();
                throw failure(target, e);
            }
            return temporary;
        }

        private synchronized void create() throws IOException {
            if (abandoned) {
                throw new IllegalStateException("shutdown in progress");
            }
            channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        }

        private synchronized void abandon() {
            abandoned = true;
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                return; // nobody is left to be told
            }
        }

        synchronized boolean isAbandoned() {
            return abandoned;
        }

        private void removeHook() {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                return; // it is running already
            }
        }

        @Override
        public void close() throws IOException {
            try {
                channel.close();
                Files.deleteIfExists(path);
            } finally {
                removeHook();
            }
        }
    }
}
