"""Detecting a field with one qubit (Q. Wang et al., 2026): H = −A Z − (B + f) X, ground states by ramps from −Z.

⟨Z⟩ = A/√(A² + (B + f)²). First how a ramp's errors fall with its time T, then A and B trained by such ramps so that ⟨Z⟩ is
0.9 without the field and 0.3 with it, compared with the closed form. Published: infidelity ~T⁻⁴ with the cosine schedule and T⁻²
with the linear one; the gradient's error falls as 1/T with the cosine schedule, and not at all with the linear one.

    python examples/field_detection.py
"""

import numpy as np

import qep_qiskit as qep

network = qep.pauli(terms={"A": {"Z": -1}, "B": {"X": -1}}, inputs=[{"X": -1}], outputs=[{"Z": 1}])
PROBLEM = qep.Problem(network, [0.8, 1.0], x=[0.5], cost=qep.ObservableCost({"Z": -1}))
GAP = 2 * np.hypot(0.8, 1.5)
FIELDS, TARGETS = np.array([[0.0], [1.0]]), np.array([0.9, 0.3])
STARTS, WINDOW = np.array([10.0, 15.0, 20.0, 30.0, 40.0]), np.linspace(0.0, 4.0, 12, endpoint=False)


def ramp(schedule, time, steps):
    return qep.Adiabatic(time=time, steps=steps, schedule=schedule, initial={"Z": -1})


def errors(schedule):
    """Return the infidelity and the error of ∂⟨−Z⟩/∂w at times T: means over windows, since the errors oscillate in T."""
    exact = qep.gradient(PROBLEM, stencil=qep.symmetric(0.02))
    distances = []
    for time in (STARTS[:, None] + WINDOW).ravel():
        gradient = qep.gradient(PROBLEM, preparer=ramp(schedule, time, 5000), stencil=qep.symmetric(0.02))
        energy = gradient.diagnostics["phases"][0]["energy"]
        distances.append([(energy + GAP / 2) / GAP, np.sum((gradient.values - exact.values) ** 2)])
    infidelity, squared = np.array(distances).reshape(len(STARTS), len(WINDOW), 2).mean(axis=1).T
    return infidelity, np.sqrt(squared)


def exponent(values):
    return np.polyfit(np.log(STARTS + WINDOW.mean()), np.log(values), 1)[0]


def closed_form():
    """Return A and B: (B + f)/A = √(1/⟨Z⟩² − 1) with the field and without it."""
    without, with_field = np.sqrt(1 / TARGETS**2 - 1)
    a = 1 / (with_field - without)
    return a, without * a


if __name__ == "__main__":
    for schedule, published in {"cosine": ("T^-4", "T^-1"), "linear": ("T^-2", "T^0")}.items():
        for title, values, law in zip(("infidelity", "gradient error"), errors(schedule), published, strict=True):
            listed = " ".join(f"{value:.1e}" for value in values)
            print(f"{schedule}, {title} at T = 12 … 42: {listed}, T^{exponent(values):.1f} (published {law})", flush=True)
    print("closed form: A {:.3f}, B {:.3f}".format(*closed_form()))
    for schedule in ("cosine", "linear"):
        result = qep.train(
            network,
            FIELDS,
            Y=TARGETS,
            weights={"A": 1.0, "B": 0.5},
            preparer=ramp(schedule, 40.0, 400),
            stencil=qep.symmetric(0.02),
            optimizer="adam",
            learning_rate=0.02,
            epochs=300,
            batch_size=2,
        )
        a, b = result.weights["A"], result.weights["B"]
        without, with_field = (a / np.hypot(a, b + field) for field in (0.0, 1.0))
        print(f"trained by {schedule} ramps: A {a:.3f}, B {b:.3f}; <Z> {without:.3f} without the field, {with_field:.3f} with it")
