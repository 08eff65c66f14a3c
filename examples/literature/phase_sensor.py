"""The phase sensor of Wanjura & Marquardt (2024) in its five published variants, with the published accuracies.

H = gZXZ Σ ZXZ − gZZ Σ ZZ − gX Σ X on a ring of eight, gZXZ + gZZ + gX = 4, and two sensor qubits that couple to sites 0 and 1.
The joint Z outcomes ++, +−, −− name the phases I, II, III. The protocol is that of the authors' public code
(ClaraWanjura/QuantumEP): fresh points in every batch of 10, squared error of the three outcomes, Adam at 0.01 without a schedule,
symmetric β = 0.4, 5000 batches. Outputs of the free phase are exact. Each trained operator A is measured by 10 shots of its own
in both nudged phases, with Gaussian noise of variance (1 − ⟨A⟩²)/10. The soft cutoff adds 0.02 max(|w| − 0.1, 0) per coupling.
The test takes 200 fresh points.

    python examples/literature/phase_sensor.py VARIANT [RUNS [BATCHES [FILE]]]

VARIANT is default, no-cutoff, zz, xz, patches, or all, which takes the variants in turn. Every finished run is added to FILE,
and a second call resumes from there. RUNS = 0 only prints what FILE holds.
"""

import sys
import time
from dataclasses import replace

import numpy as np
from finished import Finished

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import family_of
from qep_qiskit.seeds import stream

RING = range(2, 10)
BETA, SHOTS, BATCH, CUTOFF = 0.4, 10, 10, (0.1, 0.02)
PATCHES = np.array([[1.0, 0.5], [2.5, 0.5], [0.5, 3.0]])  # centres (gX, gZZ) of squares with sides of 0.4
COUPLED = {"default": "XYZ", "no-cutoff": "XYZ", "zz": "Z", "xz": "XZ", "patches": "XYZ"}
"""The operators of the sites that couple to X, Y and Z of each sensor qubit: in "zz" they are only Z."""
TOLERANCE = dict.fromkeys(COUPLED, 3e-3) | {"patches": 1e-7}
"""The allowed angle to the true ground states. In phase II two of them lie close together, and a nudge may exchange them. The
search begins at the free state, and at 3e-3 it may stop before it finds the other one, on the patches nearly always."""
PUBLISHED = {
    "default": (30, ".9375 ± .0425", ".859 ± .063"),
    "no-cutoff": (10, ".956 ± .008", ".872 ± .020"),
    "zz": (30, ".612 ± .024", ".573 ± .011"),
    "xz": (30, ".947 ± .022", ".868 ± .060"),
    "patches": (30, ".934 ± .025", ".865 ± .030"),
}


def string(letters):
    return "".join(letters.get(q, "I") for q in reversed(range(10)))


def sensor(variant):
    pairs = [(i, s) for i in (0, 1) for s in (0, 1)]
    terms = {f"c[{i},{s}]{a}{b}": {string({RING[i]: a, s: b}): 1.0} for i, s in pairs for a in COUPLED[variant] for b in "XYZ"}
    terms |= {f"f[{s}]{b}": {string({s: b}): 1.0} for s in (0, 1) for b in "XYZ"}
    terms |= {f"s{a}{b}": {string({0: a, 1: b}): 1.0} for a in "XYZ" for b in "XYZ"}
    sites = [(RING[j], RING[(j + 1) % 8], RING[(j + 2) % 8]) for j in range(8)]
    zxz = {string({i: "Z", j: "X", k: "Z"}): 1.0 for i, j, k in sites}
    zz = {string({i: "Z", j: "Z"}): -1.0 for i, j, _ in sites}
    x = {string({i: "X"}): -1.0 for i, _, _ in sites}
    outputs = [{string({}): 0.25, string({0: "Z"}): a / 4, string({1: "Z"}): b / 4, string({0: "Z", 1: "Z"}): a * b / 4}
               for a, b in ((1, 1), (1, -1), (-1, -1))]  # fmt: skip
    return qep.pauli(terms=terms, inputs=[zxz, zz, x], outputs=outputs)


def points(rng, count, *, patches=False):
    """Return points (gZXZ, gZZ, gX) and their phases, 0 to 2: uniform on the triangle, or from three patches."""
    if patches:
        gx, gzz = (PATCHES[rng.integers(3, size=count)] + 0.4 * rng.uniform(-0.5, 0.5, size=(count, 2))).T
        X = np.stack([4 - gx - gzz, gzz, gx], axis=1)
    else:
        X = 4 * rng.dirichlet([1, 1, 1], size=count)
    return X, np.where(X[:, 1] >= 2, 1, np.where(2 * X[:, 2] < 4 - X[:, 1], 0, 2))


class FewShots:
    """Gradients by EP with the published noise. The search for a state begins at the nearest point of the last 60."""

    def __init__(self, seed):
        self.seed, self.calls, self.solved = seed, 0, []

    def __call__(self, problems, settings, *, warm_start=None, progress=None):
        preparer, paulis, first = settings.preparer, problems[0].frame.paulis, problems[0]
        used = np.flatnonzero(first.cost_rows.any(axis=0))
        strings, trained = paulis[used], paulis[first.derivative_rows.argmax(axis=1)]  # every ∂H/∂w is one Pauli string
        families = [family_of(p, np.zeros_like(p.hamiltonian_row), (0.0,)) for p in problems]
        free = preparer.prepare_all(families, warm_start=[self.nearest(p.x) for p in problems])
        self.solved = [*self.solved, *((p.x, state) for p, state in zip(problems, free, strict=True))][-60:]
        outputs = np.array([state.expectations(strings)[0] for state in free]) @ first.cost_rows[:, used].T
        nudges = [p.cost.error_signal(values) @ first.cost_rows for p, values in zip(problems, outputs, strict=True)]
        nudged = [replace(f, nudge=nudge, betas=(-BETA, BETA)) for f, nudge in zip(families, nudges, strict=True)]
        means = np.array([state.expectations(trained) for state in preparer.prepare_all(nudged, free=free)])
        noise = stream(self.seed, "sensor shots", self.calls).standard_normal(means.shape)
        measured = means + np.sqrt(np.clip(1 - means**2, 0, None) / SHOTS) * noise
        values = (measured[:, 1] - measured[:, 0]) / (2 * BETA)
        self.calls += 1
        return [qep.Gradient(first.network.names, gradient, None, p.cost.value(output), None, output, None)
                for p, gradient, output in zip(problems, values, outputs, strict=True)]  # fmt: skip

    def nearest(self, x):
        if not self.solved:
            return None
        return self.solved[int(np.abs(np.array([other for other, _ in self.solved]) - x).sum(axis=1).argmin())][1]

    def describe(self, settings):
        return {"gradient": f"EP, {SHOTS} shots per operator and nudged phase"}


def train_one(variant, batches, seed):
    """Return best choice and single shot on 200 fresh points, seconds per batch of one processor, and the largest coupling."""
    network, limited = sensor(variant), variant != "no-cutoff"
    couplings = sum(name.startswith("c[") for name in network.names)
    rng = stream(seed, "sensor weights")
    first = rng.standard_normal(network.num_weights)
    if limited:
        first[:couplings] = rng.uniform(-CUTOFF[0], CUTOFF[0], size=couplings)
    X, Y = points(stream(seed, "sensor training"), BATCH * batches, patches=variant == "patches")
    began = time.process_time()
    result = qep.train(
        network,
        X,
        Y,
        cost=lambda phase: qep.SquaredError(np.eye(3)[int(phase)]),
        weights=first,
        gradient=FewShots(seed),
        preparer=qep.Exact(tolerance=TOLERANCE[variant], gap=False),
        stencil=qep.symmetric(BETA),
        optimizer="adam",
        learning_rate=0.01,
        epochs=1,
        batch_size=BATCH,
        soft_cutoff=dict.fromkeys(network.names[:couplings], CUTOFF) if limited else None,
        seed=seed,
    )
    seconds = (time.process_time() - began) / batches
    fresh, phases = points(stream(seed, "sensor test"), 200)
    outcomes = result.predict(fresh)
    best, shot = np.mean(outcomes.argmax(axis=1) == phases), np.mean(outcomes[np.arange(200), phases])
    return [float(best), float(shot), seconds, float(np.abs(list(result.weights.values())[:couplings]).max())]


def show(variant, batches, finished):
    results = [result for name, result in finished.results.items() if name[:2] == (variant, batches)]
    count, best, shot = PUBLISHED[variant]
    if not results:
        print(f"{variant}: no run; published best choice {best}, single shot {shot} ({count} runs)")
        return
    mean, spread = np.mean(results, axis=0), np.std(results, axis=0, ddof=min(1, len(results) - 1))
    ours = [f"{mean[k]:.3f}" + (f" ± {spread[k]:.3f}" if len(results) > 1 else "") for k in (0, 1)]
    runs = f"{len(results)} run{'s' * (len(results) > 1)} (published {count})"
    accuracies = f"best choice {ours[0]} (published {best}), single shot {ours[1]} (published {shot})"
    print(f"{variant}, {batches} batches, {runs}: {accuracies}; {1000 * mean[2]:.0f} ms per batch", flush=True)


if __name__ == "__main__":
    word = sys.argv[1] if len(sys.argv) > 1 else "all"
    variants = list(COUPLED) if word == "all" else [word]
    if not set(variants) <= set(COUPLED):
        sys.exit(f"unknown variant {word!r}; take one of {', '.join(COUPLED)}, all")
    runs, batches = (int(n) for n in (*sys.argv[2:4], *("1", "5000")[len(sys.argv[2:4]) :]))
    finished = Finished(sys.argv[4] if len(sys.argv) > 4 else None)
    for seed in range(runs):
        for variant in variants:
            best, shot, *_ = finished((variant, batches, seed), lambda v=variant, s=seed: train_one(v, batches, s))
            print(f"{variant}, run {seed}: best choice {best:.3f}, single shot {shot:.3f}", flush=True)
    for variant in variants:
        show(variant, batches, finished)
