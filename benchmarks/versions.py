"""The time of a gradient by VQE compared with another version of the package: ``python -m benchmarks.versions PYTHON …``.

PYTHON is the interpreter of an environment in which the other version is installed. Each version runs in a process of its own on
one thread, and they take turns on the same problems. Seconds are of the processor, from a second call on, without setting up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qep_qiskit.workers.local import ONE_THREAD

SITES = 8
WORKER = f"""
import json, sys, time, warnings
import numpy as np, qep_qiskit as qep
warnings.simplefilter("ignore")
for line in sys.stdin:
    seed, layers = map(int, line.split())
    network = qep.ising(sites={SITES}, edges="chain", inputs=[0, 1], outputs=[{SITES - 1}])
    x = np.random.default_rng(seed).uniform(-1, 1, 2).tolist()
    problem = qep.Problem(network, network.initial_weights(seed=seed), x=x, cost=qep.SquaredError([1.0]))
    start = time.process_time()
    gradient = qep.gradient(problem, preparer=qep.VQE(layers=layers), stencil=qep.symmetric(0.1))
    seconds = time.process_time() - start
    print(json.dumps([seconds, gradient.values.tolist()]), flush=True)
"""


@dataclass
class Version:
    """A process that runs one version."""

    python: str
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [self.python, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=tempfile.gettempdir(),
            env={**os.environ, **ONE_THREAD},
        )

    def gradient(self, seed: int, layers: int) -> tuple[float, Any]:
        """Return the seconds and the values of a random problem's gradient."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{seed} {layers}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.python} stopped; is qep_qiskit installed there?")
        seconds, values = json.loads(line)
        return seconds, np.array(values)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Print the seconds of every problem by both versions, and their ratios."""
    parser = argparse.ArgumentParser(description="Compare the time of VQE's gradients with another version of the package.")
    parser.add_argument("python", help="the interpreter of the other version's environment")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--problems", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3, help="calls of this version per problem; the other one gets one")
    asked = parser.parse_args()
    ours, other = Version(sys.executable), Version(asked.python)
    try:
        for version in (ours, other):
            version.gradient(0, 1)  # imports
        ratios = []
        for seed in range(1, asked.problems + 1):
            calls = [ours.gradient(seed, asked.layers) for _ in range(asked.repeats)]
            seconds, values = other.gradient(seed, asked.layers)
            new = float(np.median([each for each, _ in calls]))
            ratios.append(seconds / new)
            apart = np.linalg.norm(calls[0][1] - values) / np.linalg.norm(values)
            print(
                f"problem {seed}: {new:.3f} s, other {seconds:.3g} s, ratio {ratios[-1]:.3g}, gradients differ by {apart:.1e}",
                flush=True,
            )
        print(f"ratio: median {np.median(ratios):.3g}, from {min(ratios):.3g} to {max(ratios):.3g}")
    finally:
        ours.close()
        other.close()


if __name__ == "__main__":
    main()
