"""Free loopback addresses and ports for the lab; it moves aside when one is taken and says what it chose."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from decision_engine.lab.children import LabError

TRIED_PORTS = 200
SERVICE_PORT, PROMETHEUS_PORT, ALERTMANAGER_PORT, CONTROL_PORT, DEVICE_PORT = 8780, 9090, 9093, 8781, 9750


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the lab's parts listen; every device has a loopback address of its own, all on ``device_port``."""

    service_port: int
    prometheus_port: int
    alertmanager_port: int
    control_port: int
    device_port: int

    def url(self, port: int) -> str:
        """HTTP address on this machine."""
        return f"http://127.0.0.1:{port}"


def usual_addresses() -> Addresses:
    """The ports that a lab takes where all are free."""
    return Addresses(SERVICE_PORT, PROMETHEUS_PORT, ALERTMANAGER_PORT, CONTROL_PORT, DEVICE_PORT)


def choose_addresses(device_hosts: Sequence[str], refused: Collection[int] = ()) -> Addresses:
    """The usual ports where they are free, else the next free ones; the device port is free on every device's address.

    ``refused`` ports are passed over: they seemed free before, and a part could not have them. Nothing is reserved: whoever
    chooses holds ``port_lock.choosing_ports`` until its parts listen.
    """
    taken = set(refused)

    def take(wanted: int, hosts: Sequence[str] = ("127.0.0.1",)) -> int:
        port = free_port(wanted, hosts, taken)
        taken.add(port)
        return port

    return Addresses(
        take(SERVICE_PORT), take(PROMETHEUS_PORT), take(ALERTMANAGER_PORT), take(CONTROL_PORT), take(DEVICE_PORT, device_hosts)
    )


def free_port(wanted: int, hosts: Sequence[str], taken: set[int]) -> int:
    """The wanted port, or the first one after it that is free on all hosts.

    Raises:
        LabError: none of the next ports is free.
    """
    for port in range(wanted, wanted + TRIED_PORTS):
        if port not in taken and all(_is_free(host, port) for host in hosts):
            return port
    raise LabError(f"no port from {wanted} to {wanted + TRIED_PORTS - 1} is free on {hosts[0]}: end some other programs first")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
