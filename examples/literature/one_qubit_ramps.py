"""Errors of a ramp and of its gradient on one qubit against its time T, and the published figures (Q. Wang et al., 2026).

H = −A Z − (B + f) X with A = 0.8, B + f = 1.5, prepared by ramps from −Z; the gradient is that of −⟨Z⟩ with respect to A and B.
The published figures do not come with their A, B, f and window of T, so the exponents can be compared, and the constants
only in their order of magnitude. Errors oscillate in T; each is taken over a window of T longer than the oscillation.

    python examples/literature/one_qubit_ramps.py [PICTURE.png]
"""

import sys

import numpy as np
from qiskit.quantum_info import PauliList

import qep_qiskit as qep
from qep_qiskit.ansatz.ramp import Ramp
from qep_qiskit.ansatz.ramp_states import ramp_states
from qep_qiskit.ansatz.schedules import boundary_curvature

A, B = 0.8, 1.5
STRINGS, START = PauliList(["Z", "X"]), np.array([[0.0, 0.0, -1.0]])
OFFSETS = np.linspace(0.0, 4.0, 12, endpoint=False)
SHORT, LONG = np.array([10.0, 20.0, 40.0, 80.0]), np.array([20.0, 40.0, 80.0, 160.0])
CURVATURES = (1.0, 2.0, np.pi**2 / 2, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 1000.0, 10000.0)
TIME = 100.0
PUBLISHED = {"linear": (-2.00, ".879, flat"), "cosine": (-4.00, "-1.001"), "quintic": (-5.72, "not given")}


def states(schedule, times, beta=0.0, steps=8000):
    """Return the final states, shape (times, 2), of ramps to H − βZ."""
    rows = np.tile([-A - beta, -B], (len(times), 1))
    return ramp_states(Ramp(STRINGS, START, steps, schedule), rows, times)


def gradients(schedule, times, beta=1e-3, steps=8000):
    """Return the symmetric EP gradient of −⟨Z⟩ at every time, shape (times, 2)."""
    up, down = (states(schedule, times, sign * beta, steps) for sign in (1, -1))
    readings = [
        -np.stack([np.abs(s[:, 0]) ** 2 - np.abs(s[:, 1]) ** 2, 2 * (s[:, 0].conj() * s[:, 1]).real], axis=1) for s in (up, down)
    ]
    return (readings[0] - readings[1]) / (2 * beta)


def exact():
    """Return the gradient of the ground state, −∂/∂(A, B) of A/√(A² + B²)."""
    return -np.array([B * B, -A * B]) / np.hypot(A, B) ** 3


def deviations(schedule, times, beta=1e-3, steps=8000):
    """Return the relative error of the gradient at every time."""
    return np.linalg.norm(gradients(schedule, times, beta, steps) - exact(), axis=1) / np.linalg.norm(exact())


def windows(starts):
    return (starts[:, None] + OFFSETS).ravel()


def over(values, starts, mean):
    return mean(np.reshape(values, (len(starts), len(OFFSETS))), axis=1)


def exponent(starts, values):
    return np.polyfit(np.log(starts + OFFSETS.mean()), np.log(values), 1)[0]


def infidelities(schedule):
    half = np.arctan2(B, A) / 2
    overlaps = states(schedule, windows(SHORT), steps=40_000) @ np.array([np.cos(half), np.sin(half)])
    return over(1 - np.abs(overlaps) ** 2, SHORT, np.mean)


def at_once(x):
    return float(x > 0)


def unramped(ramped=False):
    """Return the mean cosine similarity with the exact gradient of two samples, of nudges held for a time after the free ramp."""
    network = qep.pauli(terms={"A": {"Z": -1}, "B": {"X": -1}}, inputs=[{"X": -1}], outputs=[{"Z": 1}])
    samples = [qep.Problem(network, [A, 1.0], x=[f], cost=qep.SquaredError([y])) for f, y in ((0.0, 0.9), (1.0, 0.3))]
    right = sum(qep.exact_gradient(sample).values for sample in samples)
    cosines = []
    for held in np.arange(10.0, 30.0, 0.8):
        ramp = qep.Adiabatic(
            time=40.0,
            steps=800,
            schedule="quintic",
            initial={"Z": -1},
            nudge_time=held,
            nudge_schedule="quintic" if ramped else at_once,
        )
        total = sum(g.values for g in qep.gradients(samples, preparer=ramp, stencil=qep.symmetric(0.02)))
        cosines.append(total @ right / np.linalg.norm(total) / np.linalg.norm(right))
    return np.array(cosines)


def hidden(times):
    """Return the relative deviations of linear ramps at β → 0 and at β = 0.1."""
    return [deviations("linear", times, beta, steps=40_000) for beta in (1e-5, 0.1)]


def picture(path, results):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 2, figsize=(9.5, 7), layout="constrained")
    axes = grid.ravel()
    for schedule, colour in zip(PUBLISHED, ("#c0392b", "#2471a3", "#1e8449"), strict=True):
        axes[0].loglog(SHORT + 2, results["infidelity"][schedule], "o-", color=colour, label=schedule)
        axes[1].loglog(LONG + 2, results["largest"][schedule], "o-", color=colour, label=schedule)
    axes[0].set(title="infidelity of the state", xlabel="T (windows of 4)")
    axes[1].set(title="relative error of the gradient, β → 0", xlabel="T (windows of 4)")
    for axis, starts in zip(axes[:2], (SHORT, LONG), strict=True):
        axis.set_xticks(starts + 2, [f"{t + 2:g}" for t in starts])
        axis.set_xticks([], minor=True)
        axis.legend()
    ratio = np.array(CURVATURES) / TIME
    axes[2].loglog(ratio, results["curved"], "o", color="#2471a3", label="measured, T = 100")
    axes[2].loglog(ratio, results["constant"] * ratio, color="0.5", label=f"{results['constant']:.2f} λ/T")
    axes[2].axhline(results["curved"][-1], color="#c0392b", ls=":", label="as the linear ramp")
    axes[2].set(title="relative error of the gradient for boundary curvature λ", xlabel="λ/T", ylim=(1e-3, 10))
    axes[2].legend()
    for values, label in zip(results["hidden"], ("β → 0", "β = 0.1"), strict=True):
        axes[3].plot(results["times"], 100 * values, ".-", label=label)
    axes[3].set(title="linear ramp near T = 2000: error of the gradient (%)", xlabel="T", ylim=(-5, 125))
    axes[3].legend(loc="upper right", ncols=2)
    figure.savefig(path, dpi=110)


def main(path=None):
    results = {"infidelity": {}, "largest": {}}
    print(f"{'':58s}{'ours':>10s}   published")
    for schedule, (state, gradient) in PUBLISHED.items():
        infidelity = results["infidelity"][schedule] = infidelities(schedule)
        print(f"{schedule + ': exponent of the infidelity, T = 12 … 82':58s}{exponent(SHORT, infidelity):10.2f}   {state:.2f}")
        errors = deviations(schedule, windows(LONG), steps=20_000)
        results["largest"][schedule] = over(errors, LONG, np.max)
        slope = exponent(LONG, over(errors, LONG, lambda e, axis: np.sqrt((e**2).mean(axis=axis))))
        print(f"{schedule + ': exponent of the gradient’s error, T = 22 … 162':58s}{slope:10.3f}   {gradient}", flush=True)
    linear = deviations("linear", windows(LONG), steps=20_000)
    print(f"{'linear: relative error of the gradient, largest':58s}{linear.max():10.3f}   .879")
    print(f"{'  the same, root mean square':58s}{np.sqrt((linear**2).mean()):10.3f}")
    times = TIME + np.linspace(0.0, 8.0, 40)
    results["curved"] = [deviations(qep.curved(number), times).max() for number in CURVATURES]
    shares = [TIME * error / number for error, number in zip(results["curved"], CURVATURES, strict=True)]
    small = [share for share, number in zip(shares, CURVATURES, strict=True) if 2 <= number <= TIME]
    results["constant"] = float(np.mean(small))
    cosine = boundary_curvature("cosine")
    print(f"{f'cosine: boundary curvature λ (π²/2 = {np.pi**2 / 2:.4f})':58s}{cosine:10.4f}   π²/2")
    print(f"{'deviation · T/λ, λ = 2 … T: relative':58s}{results['constant']:10.2f}   .25")
    print(f"{'  the same, absolute':58s}{results['constant'] * np.linalg.norm(exact()):10.2f}")
    for number, share, error in zip(CURVATURES, shares, results["curved"], strict=True):
        print(f"{f'  λ = {number:.4g} at T = 100: deviation {error:.4f}, · T/λ':58s}{share:10.3f}", flush=True)
    for ramped in (False, True):
        cosines = unramped(ramped)
        name = "nudge ramped after the free ramp" if ramped else "nudge switched on at once and held"
        print(f"{name + ': mean cosine similarity':58s}{cosines.mean():10.2f}   {'not given' if ramped else '.82'}")
        print(f"{'  lowest':58s}{cosines.min():10.2f}", flush=True)
    results["times"] = 2000 + np.linspace(0.0, 6.0, 60)
    results["hidden"] = hidden(results["times"])
    zero, tenth = (np.sqrt((values**2).mean()) for values in results["hidden"])
    print(f"{'T = 2000: error at β → 0 over that at β = 0.1':58s}{zero / tenth:10.1f}   24.6")
    problem = qep.Problem(
        qep.pauli(terms={"A": {"Z": -1}, "B": {"X": -1}}, outputs=[{"Z": 1}]), [A, B], cost=qep.ObservableCost({"Z": -1})
    )
    ramp = qep.Adiabatic(time=2000.0, steps=20_000, schedule="linear", initial={"Z": -1})
    diagnosed = qep.gradient(problem, preparer=ramp, stencil=qep.symmetric(0.1)).diagnostics
    print(f"{'  of which at β = 0.1 (%)':58s}{100 * tenth:10.2f}")
    print(f"{'  the program’s |β ε T ∂Φ|, with ε = 1':58s}{diagnosed['ramp']['phase']:10.1f}")
    print("The program warns:", next(text for text in diagnosed.warnings if "commute" in text))
    if path:
        picture(path, results)


if __name__ == "__main__":
    main(*sys.argv[1:2])
