"""The rows of the layouts benchmark on a small device: never worse than the transpiler's qubits, better in the median."""

import numpy as np

from benchmarks import layouts


def test_gradients_are_better_on_the_qubits_chosen_for_them():
    rows = list(layouts.rows(layouts.QUICK, ["fake_guadalupe", "fake_nairobi"]))
    ratios = [row.ratio for row in rows]
    assert len(rows) == 2 * len(layouts.QUICK) and max(ratios) < 1.05 and np.median(ratios) < 1.0
    for row in rows:
        if not row.swaps:
            assert 0.7 < row.predicted / row.chosen < 1.5


def test_the_networks_have_the_degrees_that_they_promise():
    for name, (sites, edges, output) in layouts.NETWORKS.items():
        if isinstance(edges, list):
            degrees = np.bincount(np.ravel(edges), minlength=sites)
            assert degrees.min() >= 1 and degrees.max() <= 3 and output < sites, name
            assert len(set(edges)) == len(edges)
