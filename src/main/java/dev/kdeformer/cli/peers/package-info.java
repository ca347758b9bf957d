/** What an adapter to another attention engine has to offer so that {@code kdebench peers} can time it. */
package dev.kdeformer.cli.peers;
