"""A log server that writes what it receives to a file, on the load's core.

usage: log_receiver.py ring|udp PORT FILE
"""

import signal
import socket
import sys


def main() -> None:
    mode, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(path, "wb", buffering=1 << 16) as file:
        if mode == "udp":
            receive_datagrams(port, file)
        else:
            receive_streams(port, file)


def receive_datagrams(port: int, file) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        server.bind(("127.0.0.1", port))
        while True:
            file.write(server.recv(65536) + b"\n")


def receive_streams(port: int, file) -> None:
    """Frames by octet count: the count and a space stand before each message (RFC 6587 §3.4.1)."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            stream, _ = server.accept()
            with stream:
                while data := stream.recv(1 << 20):
                    file.write(data)
            file.flush()


if __name__ == "__main__":
    main()
