"""Progress of long calls: a bar in terminals and notebooks, or a line now and then in the logs of a command.

Every engine takes a callable, :data:`Progress`, and reports its stages to it. :func:`showing` makes that callable from the option
``progress`` of a verb. Nothing is shown for calls of less than two seconds, and nothing is written to stdout.
"""

from qep_qiskit.progress.board import Progress, ProgressOption, one_of, silent, steps_done
from qep_qiskit.progress.option import check_progress, hidden, showing

__all__ = ["Progress", "ProgressOption", "check_progress", "hidden", "one_of", "showing", "silent", "steps_done"]
