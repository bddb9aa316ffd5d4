"""Starts one AI program so that it outlives the engine: a lock that the program itself holds says that it is alive.

Run as ``python -I -S launch.py DIRECTORY LAUNCH_ID``. It imports only the standard library and nothing of edgeshift.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time

LAUNCHED, NOT_NEEDED, LOCKED = 0, 3, 4
"""Exit codes: started; the order is withdrawn or was carried out before; another process holds the lock."""

LOCK_TRIES, LOCK_PAUSE_SECONDS = 25, 0.02
"""Whoever looks whether a program is alive holds the lock for microseconds, so half a second is plenty."""

LOCK_DESCRIPTOR = 3
"""The first descriptor after standard error: everything above it is closed."""

NOT_EXECUTABLE = 127
"""What shells answer when a command cannot be run."""

DESCRIPTOR_LIMIT = 4096


def main(directory: str, launch_id: str) -> int:
    """Launch the program of ``directory/spec.json`` at most once, and say with an exit code what came of it."""
    try:
        os.chdir(directory)
        lock = os.open("lock", os.O_RDWR)
    except FileNotFoundError:
        return NOT_NEEDED
    if not take(lock):
        return LOCKED
    spec = read_spec()
    if spec is None or spec["launch"] != launch_id or os.path.exists("pid") or os.path.exists("stopping"):
        return NOT_NEEDED
    if os.fork() == 0:
        become(spec, lock)
    return LAUNCHED


def take(lock: int) -> bool:
    """Take the lock; False when a program (or another launcher) keeps it."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def read_spec() -> dict[str, object] | None:
    """The order as it was written; None when it has been withdrawn."""
    try:
        with open("spec.json", encoding="utf-8") as file:
            spec: dict[str, object] = json.load(file)
            return spec
    except FileNotFoundError:
        return None


def become(spec: dict[str, object], lock: int) -> None:
    """Turn into the program: own session, own output, no descriptor but the lock. Never returns."""
    try:
        os.setsid()
        write_pid()
        redirect(lock)
        reset_signals()
        argv = [str(part) for part in as_list(spec["argv"])]
        environment = dict(spec["environment"]) if isinstance(spec["environment"], dict) else {}
        os.chdir(str(spec["working_directory"]))
        os.environ.update({str(name): str(value) for name, value in environment.items()})
        os.execvp(argv[0], argv)
    except (OSError, ValueError) as error:
        os.write(2, f"The program could not be started: {error}\n".encode(errors="replace"))
    finally:
        os._exit(NOT_EXECUTABLE)


def write_pid() -> None:
    """Leave this process's id, which is its group's as well, in one step."""
    with open(".pid", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    os.replace(".pid", "pid")


def redirect(lock: int) -> None:
    """Point input at nothing and output at the bounded log; keep only the lock above standard error."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open("output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if lock != LOCK_DESCRIPTOR:
        os.dup2(lock, LOCK_DESCRIPTOR)
    os.set_inheritable(LOCK_DESCRIPTOR, True)
    os.closerange(LOCK_DESCRIPTOR + 1, DESCRIPTOR_LIMIT)


def reset_signals() -> None:
    """Give the program the signals of a fresh login, whatever the engine had done with its own."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def as_list(value: object) -> list[object]:
    """A JSON value that must be a list."""
    return value if isinstance(value, list) else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
