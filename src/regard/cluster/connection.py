"""Connect to a Ray cluster, or start a Ray of one machine that no other machine can reach."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from regard.errors import RegardError, needs_extra

LOCAL = "local"
"""The address that starts a Ray on this machine."""
SPARE_BYTES = 200 * 2**20
"""Of shared memory for what is sent to workers and back, beside the model."""

CONNECT_SECONDS = 10.0

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would send statistics to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a warning on machines without a GPU
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what raylets say would be printed on standard output
}
LOOPBACK_ONLY = {
    # Ray's name for: listen on 127.0.0.1, where Windows and macOS have firewalls that ask
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Variables of the environment that Ray reads when it is imported."""


@contextmanager
def connected(address: str, cores: int, model_bytes: int) -> Iterator[Any]:
    """The module `ray`, connected to the cluster at `address`, or to a new one with `cores` if it
    is LOCAL.

    Raises RegardError if Ray is not installed, or there is no cluster that answers.
    """
    if find_spec("ray") is None:
        raise needs_extra("--ray", "Ray", "ray", ", or leave --ray out")
    os.environ.update(QUIET)
    if address == LOCAL:
        os.environ.update(LOOPBACK_ONLY)
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {
            "num_cpus": cores,
            "include_dashboard": False,
            "object_store_memory": SPARE_BYTES + 2 * model_bytes,
        }
    try:
        refuse_closed_port(address)
        ray.init(address, **options)
    except Exception as error:  # of many classes, by the kind of address
        raise connection_error(address, error) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def refuse_closed_port(address: str) -> None:
    """Raises OSError if nothing answers at HOST:PORT; Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def connection_error(address: str, error: Exception) -> RegardError:
    reason = str(error).strip().split("\n", maxsplit=1)[0].rstrip(".:") or type(error).__name__
    if address == LOCAL:
        return RegardError(
            f"Ray did not start: {reason}",
            "this machine",
            "leave --ray out, which translates on this machine as well",
        )
    return RegardError(
        f"no Ray cluster answers: {reason}",
        f"--ray {address}",
        "check the address and the versions of Ray and Python there; --ray without an address"
        " starts one on this machine",
    )
