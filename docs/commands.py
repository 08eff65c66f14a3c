"""The output of commands in a document, written again: ``python docs/commands.py docs/fifty_qubits.md [NAME …]``.

A command stands in its document as

    <!-- command NAME [most=LINES] -->
    ```console
    $ qep plan hardware_runs/specs/heavy-hex-50.toml
    its output
    ```
    <!-- /command -->

The commands run in the order of the document, on a mock service with all noise of its devices, in a folder that holds their runs
(--folder; by default a new one). Pictures that the document shows are copied from there: what commands draw, for a training in
the folder ``fifty-train`` the curves ``fifty_train.png``, and for an error budget in ``fifty-budget`` ``fifty_budget.png``.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = re.compile(r"(<!-- command (\S+)(?: most=(\d+))? -->\n```console\n\$ ([^\n]*)\n)(.*?)(```\n<!-- /command -->)", re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(([\w-]+\.png)\)")
WIDTH = "110"


def output(command: str, folder: Path, most: int | None) -> str:
    """Return what a command prints, and say how long it took; of a long output the lines in the middle are left out."""
    began = time.monotonic()
    words = [sys.executable, "-m", "qep_qiskit.cli", *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": WIDTH})
    print(f"{command}: exit {done.returncode}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    notes = [line for line in done.stderr.splitlines() if not re.match(r"qep: \d+ s: ", line)]  # how far it is
    lines = [line.rstrip() for line in [*notes, *done.stdout.strip("\n").splitlines()]]
    if most is not None and len(lines) > most:
        lines = [*lines[: most // 2], "…", *lines[len(lines) - most // 2 :]]
    return "".join(f"{line}\n" for line in lines)


def written_again(text: str, folder: Path, names: list[str]) -> str:
    """Return a document with the outputs of these commands, or of all of them."""

    def run(place: re.Match[str]) -> str:
        if names and place[2] not in names:
            return place[0]
        return place[1] + output(place[4], folder, int(place[3]) if place[3] else None) + place[6]

    return PLACE.sub(run, text)


def draw_curves(run: Path, path: Path) -> None:
    """Draw the curves of a training run, as its page shows them."""
    from matplotlib.figure import Figure

    from qep_qiskit.drawing.curves import panels
    from qep_qiskit.drawing.picture import write
    from qep_qiskit.report.training_facts import facts_of
    from qep_qiskit.runs.file.store import RunStore

    with RunStore.open(run) as store:
        facts = facts_of(store)
    drawn = panels(facts.history, facts.epochs, facts.estimated_seconds)
    rows = -(-len(drawn) // 2)
    figure = Figure(figsize=(10.0, 3.0 * rows), layout="constrained", facecolor="white")
    axes = list(figure.subplots(rows, 2, squeeze=False).flat)
    for unused in axes[len(drawn) :]:
        unused.set_axis_off()
    for panel, (title, draw) in zip(axes, drawn.items(), strict=False):
        draw(panel)
        panel.set_ylabel(title, fontsize=9)
    write(figure, path)


def main() -> None:
    """Run the commands of a document."""
    from qep_qiskit.rehearsal.server import serve

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--noise", default="full")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="commands-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "hardware_runs").exists():
        (folder / "hardware_runs").symlink_to(ROOT / "hardware_runs")
    text = options.document.read_text(encoding="utf-8")
    with serve(noise=options.noise) as server:
        os.environ["QEP_RUNTIME_URL"] = server.url
        text = written_again(text, folder, options.names)
    options.document.write_text(text, encoding="utf-8")
    for name in PICTURE.findall(text):
        run = folder / name.removesuffix(".png").replace("_", "-")
        if (run / "run.db").is_file():
            draw_curves(run, folder / name)
        elif (run / "budget.png").is_file():
            shutil.copy(run / "budget.png", folder / name)
        if (folder / name).is_file():
            shutil.copy(folder / name, options.document.parent / name)


if __name__ == "__main__":
    main()
