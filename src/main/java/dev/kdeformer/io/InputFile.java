package dev.kdeformer.io;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** A file being read from front to back, with its name for messages and its true length for checks. */
final class InputFile implements Closeable {
    private final String name;
    private final long length;
    private final ReadableByteChannel channel;
    private long position;

    private InputFile(String name, long length, ReadableByteChannel channel) {
        this.name = name;
        this.length = length;
        this.channel = channel;
    }

    /** Opens a regular file; anything else, such as a pipe, has no length to check against and is refused. */
    static InputFile open(Path path) throws IOException {
        String name = path.toString();
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (!attributes.isRegularFile()) {
                throw new TensorFormatException(name, attributes.isDirectory()
                        ? "this is a folder; a tensor is read from a file"
                        : "this is a device or pipe; a tensor is read from a regular file");
            }
            SeekableByteChannel channel = Files.newByteChannel(path);
            try {
                return new InputFile(name, channel.size(), channel);
            } catch (IOException e) {
                channel.close();
                throw e;
            }
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(name, null, "no such file");
        } catch (AccessDeniedException e) {
            throw new AccessDeniedException(name, null, "no permission to read this file");
        }
    }

    /** Reads from a stream that the caller says has {@code length} bytes; closing this closes the stream. */
    static InputFile of(InputStream stream, long length, String name) {
        return new InputFile(name, length, Channels.newChannel(stream));
    }

    String name() {
        return name;
    }

    long length() {
        return length;
    }

    /** Bytes from the current position to the end. */
    long remaining() {
        return length - position;
    }

    /** Fills {@code target} up to its limit. */
    void read(ByteBuffer target) throws IOException {
        while (target.hasRemaining()) {
            int count = channel.read(target);
            if (count < 0) {
                throw new TensorFormatException(name, "the file ended after " + position + " bytes while it was read, "
                        + "though it had " + length + " bytes before");
            }
            position += count;
        }
    }

    byte[] read(int count) throws IOException {
        byte[] bytes = new byte[count];
        read(ByteBuffer.wrap(bytes));
        return bytes;
    }

    /** Goes to a byte of a file that was opened by path. */
    void seek(long newPosition) throws IOException {
        ((SeekableByteChannel) channel).position(newPosition);
        position = newPosition;
    }

    TensorFormatException error(String problem) {
        return new TensorFormatException(name, problem);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
