"""Starts the camera AI: first the means to end it, then one thread for numbers, and only then the heavy imports."""

from __future__ import annotations

import os
import sys

from decision_engine.lab.camera_ai.lifetime import Lifetime

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read when numpy is imported. A small model on many threads only fights with its neighbours for the cores."""


def main() -> int:
    """Run until told to end; 0 then, 2 when the command line cannot be understood."""
    owner = os.environ.get("EDGESHIFT_OWNER_PID", "")
    lifetime = Lifetime(int(owner) if owner.isdecimal() else None)
    for name in THREAD_LIMITS:
        os.environ[name] = "1"

    from decision_engine.lab.camera_ai.arguments import read_arguments

    given = read_arguments(sys.argv[1:])
    if lifetime.ending:
        return 0

    from decision_engine.lab.camera_ai.program import Job, run
    from exporters.workload.publish import Publisher

    job = Job(given.environment_class, given.seed, given.schedule, given.frames_per_second, given.ready_file)
    publisher = Publisher(workload=given.workload, environment_class=given.environment_class, camera=given.camera)
    try:
        run(job, publisher, lifetime)
    finally:
        publisher.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
