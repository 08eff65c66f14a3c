"""The turning points of runs and trainings, as the sources name them, and processes that are killed at one.

``python points.py POINT PROGRAM ARGUMENT …`` runs a Python file, or a module, that is killed at a point.
"""

import os
import re
import runpy
import signal
import sys
import threading
from pathlib import Path

import qep_qiskit
from qep_qiskit.runs import turning_points

HERE = Path(__file__)
PACKAGE = Path(qep_qiskit.__file__).parent


def named(*files):
    """Return the points that files of the package name, but those of cancelling."""
    text = "".join((PACKAGE / name).read_text(encoding="utf-8") for name in files)
    return [name for name in re.findall(r'reached\(f?"([^"]+)"\)', text) if "cancel" not in name]


def kill_at(point):
    """Kill this process at a point; at none if it is empty. A pair (count, seconds) is a time after that number of points."""
    passed = 0

    def observer(reached):
        nonlocal passed
        passed += 1
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)
        elif isinstance(point, tuple) and passed == point[0]:
            threading.Timer(point[1], os.kill, (os.getpid(), signal.SIGKILL)).start()

    turning_points.observer = observer


def main():
    point, *sys.argv = sys.argv[1:]
    kill_at(point)
    program = sys.argv[0]
    if program.endswith(".py"):
        sys.path.insert(0, str(Path(program).parent))
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
