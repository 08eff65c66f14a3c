"""Content fingerprints: digests of everything that a result depends on, the same in every process.

Two values have the same fingerprint if they represent the same numbers. Memory addresses, names of circuits, the order of
mappings and sets, caches and hash randomisation do not matter; every option, coefficient, gate, error and byte of a file does.
"""

from qep_qiskit.fingerprints.content import fingerprint, of_or_none, read_once
from qep_qiskit.fingerprints.digests import FileContent, UnidentifiedError
from qep_qiskit.fingerprints.identity import Identity, difference, identity
from qep_qiskit.fingerprints.naming import Named, named

__all__ = [
    "FileContent",
    "Identity",
    "Named",
    "UnidentifiedError",
    "difference",
    "fingerprint",
    "identity",
    "named",
    "of_or_none",
    "read_once",
]
