"""librdkafka's mock cluster: answers as Kafka does, with nothing but pip, and keeps everything in memory.

Enters: a folder. Leaves: MockBroker; as a program of its own (`python -m interceptor.machine.mock FOLDER`), a
broker that writes its address into FOLDER/address. Invariant: topics are made with the partitions that were ordered.

It is for trying and for tests. It forgets all when it ends, and keeps only the newest 5 MB of each partition: whoever
is further behind than that loses frames, and a frame over 5 MB is gone at once. Its port can't be chosen.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import NoReturn

from confluent_kafka import Consumer, TopicPartition, cimpl

from interceptor.machine import processes
from interceptor.machine.processes import Started
from interceptor.machine.servers import Server
from interceptor.transport import making

KEPT_BYTES = 5 << 20  # of a partition; librdkafka's own constant
_ADDRESS = "address"


class MockBroker(Server):
    """The mock cluster in a process of its own. Comes back empty, at another port."""

    name = "kafka"
    title = "librdkafka's mock of Kafka"
    lasting = False

    def answering(self) -> bool:
        try:
            self.port = int((self.folder / _ADDRESS).read_text("ascii").rpartition(":")[2])
        except FileNotFoundError:
            return False
        return processes.listens(self.port) and making.answers(self.address)

    def _begin(self) -> Started:
        (self.folder / _ADDRESS).unlink(missing_ok=True)
        return processes.start([sys.executable, "-m", __name__, str(self.folder)], self.log)


def _start_cluster(library: ctypes.CDLL) -> tuple[int, str]:
    """A handle and host:port. The functions are those of rdkafka_mock.h, in the library that the client carries."""
    library.rd_kafka_new.restype = library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    client = library.rd_kafka_new(0, None, None, 0)
    cluster = library.rd_kafka_mock_cluster_new(client, 1) if client else None
    if not cluster:
        raise SystemExit("librdkafka made no mock cluster")
    return cluster, library.rd_kafka_mock_cluster_bootstraps(cluster).decode()


def serve(folder: Path) -> NoReturn:
    """Runs until a signal ends it."""
    library = ctypes.CDLL(cimpl.__file__)  # finds what the extension is linked with
    cluster, address = _start_cluster(library)
    library.rd_kafka_mock_topic_create(cluster, making.ORDERS.encode(), 1, 1)
    orders = Consumer({"bootstrap.servers": address, "group.id": making.ORDERS, "fetch.wait.max.ms": 50})
    orders.assign([TopicPartition(making.ORDERS, 0, 0)])
    unfinished = folder / f"{_ADDRESS}.{os.getpid()}"
    unfinished.write_text(address, "ascii")
    unfinished.replace(folder / _ADDRESS)
    while True:
        order = orders.poll(1.0)
        name, count = (order.key(), order.value()) if order and not order.error() else (None, None)
        if isinstance(name, bytes) and isinstance(count, bytes) and count.isdigit():
            library.rd_kafka_mock_topic_create(cluster, name, int(count), 1)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
