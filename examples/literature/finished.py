"""Finished runs in a file of JSON lines, so that an interrupted example resumes."""

import json
from pathlib import Path


class Finished:
    """The results of finished runs, by name; without a path they are only in memory."""

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        self.results = {}
        if self.path is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                name, result = json.loads(line)
                self.results[tuple(name)] = result

    def __call__(self, name, compute):
        """Return the result of a run; compute and store it if it is new."""
        if name not in self.results:
            self.results[name] = compute()
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([name, self.results[name]]) + "\n")
        return self.results[name]
