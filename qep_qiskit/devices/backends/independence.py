"""Independent random numbers from samplers and backends, whatever their seeds.

A fixed seed gives the same numbers in every call, and in some samplers in every row of one call. Rows, phases, rounds,
calibrations and training steps would then not be independent, as the error bars assume. So if the object, or an object inside
it, has a seed, this is replaced in each call by a seed derived from it. A hidden seed is detected by repeated results, and the
object is refused.
"""

from __future__ import annotations

import copy
import hashlib
import math
import random
import re
import weakref
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2, BitArray, StatevectorSampler
from qiskit.providers import BackendV2, Options
from qiskit_aer.primitives import SamplerV2 as AerSampler

from qep_qiskit.devices.digests import of_circuit
from qep_qiskit.errors import InputError
from qep_qiskit.seeds import integer, stream

DEPTH = 4
"""Seeds are searched for in objects nested up to this depth."""
LIKELY = 1e-9
"""If the probability of equal counts is below this, they are not put down to chance."""
KEPT_CIRCUITS = 4096
_SEED = re.compile(r"(?i)(^|_)(seeds?|rng|random_state|generator)(_|$)")
_KINDS = (
    int | np.integer | np.random.SeedSequence | np.random.Generator | np.random.BitGenerator | np.random.RandomState,
    random.Random | list | tuple | np.ndarray,
)


_STREAMS = np.random.Generator | np.random.BitGenerator | np.random.RandomState | random.Random


def base_of(seed: object) -> int:
    """Return a whole number that represents a seed of any kind. If the seed is a stream of numbers, one is drawn from it."""
    match seed:
        case np.random.BitGenerator():
            return int(np.random.Generator(seed).integers(2**62))
        case np.random.Generator():
            return int(seed.integers(2**62))
        case np.random.RandomState():
            return int(seed.randint(2**31))
        case random.Random():
            return seed.getrandbits(62)
        case int() | np.integer():
            return int(seed)
    return int.from_bytes(hashlib.sha256(repr(seed).encode()).digest()[:8], "big")


def derived(seed: object, call: int) -> Any:
    """Return a seed of the same kind for one call, from a seed and the call's number."""
    number = integer(base_of(seed), "sampler", call)
    match seed:
        case np.random.Generator():
            return np.random.default_rng(number)
        case np.random.SeedSequence() | np.random.BitGenerator() | np.random.RandomState() | random.Random():
            return type(seed)(number)
        case list() | tuple() | np.ndarray():
            return [number]
    return number


def seed_options(backend: BackendV2, call: int, options: Mapping[str, Any]) -> dict[str, int]:
    """Return the seeds for one call of a backend: one for each seed among its own options and `options`."""
    in_effect = {**options_of(backend), **options}
    return {name: integer(base_of(seed), "sampler", call) for name, seed in in_effect.items() if _is_seed(name, seed)}


def options_of(backend: BackendV2) -> dict[str, Any]:
    """Return a backend's own options; none if they cannot be read."""
    try:
        return dict(backend.options.items())
    except Exception:  # a provider's options may have any type
        return {}


def fresh_backend(backend: BackendV2, call: int) -> BackendV2:
    """Return the backend or, if it or an object inside it has a seed, a copy with seeds derived for this call."""
    changes = {name: value for name, value in _changes(backend, call, DEPTH).items() if name not in ("_options", "options")}
    return _with(backend, changes)


def fresh_sampler(sampler: BaseSamplerV2, call: int) -> BaseSamplerV2:
    """Return the sampler itself or, if it or an object inside it has a seed, a copy with seeds derived for this call."""
    fresh: BaseSamplerV2 = _fresh(sampler, call, DEPTH)
    return fresh


def continues(sampler: BaseSamplerV2) -> bool:
    """Return whether a sampler with a new seed draws different random numbers for each row of a call."""
    classes = ((StatevectorSampler, ("run", "_run", "_run_pub")), (AerSampler, ("run", "_run", "_run_pubs")))
    return any(
        isinstance(sampler, kind) and all(getattr(type(sampler), name) is getattr(kind, name) for name in methods)
        for kind, methods in classes
    )


def is_known(sampler: BaseSamplerV2) -> bool:
    """Return whether the location of the seeds is known for the sampler's class (samplers of IBM's service have none)."""
    return continues(sampler) or type(sampler).__module__.split(".")[0] == "qiskit_ibm_runtime"


def _is_seed(name: object, value: object) -> bool:
    if not isinstance(name, str) or "transpil" in name or not _SEED.search(name) or isinstance(value, bool):
        return False
    return isinstance(value, _KINDS)


def _fresh(thing: Any, call: int, depth: int) -> Any:
    changes = _changes(thing, call, depth)
    if isinstance(thing, StatevectorSampler) and thing.seed is not None:
        # one stream for all rows, because this sampler restarts a seed in each row
        changes["_seed"] = stream(base_of(thing.seed), "sampler", call)
    return _with(thing, changes)


def _changes(thing: Any, call: int, depth: int) -> dict[str, Any]:
    """Return the attributes of an object that contain seeds, with the seeds derived for this call."""
    if depth == 0 or not hasattr(thing, "__dict__"):
        return {}
    changes = {}
    for number, (name, value) in enumerate(sorted(vars(thing).items())):
        if isinstance(thing, BackendV2) and isinstance(value, _STREAMS):
            continue  # a stream of numbers advances by itself
        new = _renewed(name, value, integer(call, "within", number), depth)
        if new is not value:
            changes[name] = new
    return changes


def _renewed(name: str, value: Any, call: int, depth: int) -> Any:
    if _is_seed(name, value):
        return derived(value, call)
    if isinstance(value, BaseSamplerV2 | BackendV2):
        return _fresh(value, call, depth - 1)
    if isinstance(value, Options):
        fields = dict(value.items())
        new = _renewed_mapping(fields, call, depth)
        if new is fields:
            return value
        again = copy.copy(value)
        again.update_options(**new)
        return again
    if isinstance(value, MutableMapping):
        return _renewed_mapping(value, call, depth)
    if "option" in name or (depth < DEPTH and type(value).__name__.endswith("Options")):
        return _with(value, _changes(value, call, depth - 1))
    return value


def _renewed_mapping(value: Any, call: int, depth: int) -> Any:
    if depth == 0:
        return value
    try:
        items = [(k, v, _renewed(str(k), v, integer(call, "key", i), depth - 1)) for i, (k, v) in enumerate(value.items())]
    except Exception:  # a provider's own type of mapping
        return value
    if all(new is old for _, old, new in items):
        return value
    return {key: new for key, _, new in items}


def _with(thing: Any, changes: Mapping[str, Any]) -> Any:
    if not changes:
        return thing
    again = copy.copy(thing)
    for name, value in changes.items():
        object.__setattr__(again, name, value)
    return again


class Repeats:
    """Earlier counts of a backend without a visible seed, by circuit."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, int], tuple[int, bytes]] = OrderedDict()

    @classmethod
    def of(cls, thing: object) -> Repeats:
        """Return the record that belongs to an object."""
        try:
            return _REPEATS.setdefault(thing, cls())
        except TypeError:  # neither hashable nor weakly referable
            return cls()

    def refuse(self, circuits: Sequence[QuantumCircuit], answers: Sequence[BitArray], name: str, call: int) -> None:
        """Remember the counts of a call. Refuse the device if they repeat the counts of an earlier call for the same circuits.

        A repeated seed may repeat the counts: this is expected of every device that accepts a seed.

        Raises
        ------
        InputError
            If every repeated circuit has exactly its earlier counts, and this is too unlikely to be chance.
        """
        likely, again = 0.0, True
        for circuit, bits in zip(circuits, answers, strict=True):
            key = (of_circuit(circuit), bits.num_shots)
            counts = sorted(bits.get_int_counts().items())
            what = hashlib.sha256(repr(counts).encode()).digest()
            if key in self._seen and self._seen[key][0] != call:
                again = again and self._seen[key][1] == what
                likely += _log_coincidence([n for _, n in counts])
            self._seen[key] = (call, what)
            self._seen.move_to_end(key)
        while len(self._seen) > KEPT_CIRCUITS:
            self._seen.popitem(last=False)
        if again and likely < math.log(LIKELY):
            raise repeating(name)


_REPEATS: weakref.WeakKeyDictionary[Any, Repeats] = weakref.WeakKeyDictionary()


def repeating(name: str) -> InputError:
    """Return the error for a device whose random numbers repeat."""
    return InputError(
        f"device: {name} gives the same shots for the same circuits again, as with a fixed seed inside; phases and steps would "
        "not be independent and the error bars wrong: take its seed out, or give it where it can be seen (options, an attribute)"
    )


def refuse_equal(pairs: Sequence[tuple[BitArray, BitArray]], name: str) -> None:
    """Refuse a device if two independent executions of one circuit gave the same counts, unless this may be chance."""
    for one, other in pairs:
        counts = one.get_int_counts()
        if counts == other.get_int_counts() and _log_coincidence(list(counts.values())) < math.log(LIKELY):
            raise repeating(name)


def _log_coincidence(counts: Sequence[int]) -> float:
    """Return the approximate logarithm of the probability that two draws give the same counts, Σ_x P(x)² for a multinomial."""
    shots = sum(counts)
    log_chance = -0.5 * (len(counts) - 1) * math.log(4 * math.pi * shots) - 0.5 * sum(math.log(n / shots) for n in counts)
    return min(0.0, log_chance)
