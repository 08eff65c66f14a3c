"""The hybrid example compares models of equal size on the same images."""

import jax
import numpy as np


def test_models_of_equal_size_with_gradients_for_all_their_parameters(example):
    script = example("hybrid")
    X, y, X_test, _ = script.data(0)
    assert len(X) == 100 and len(X_test) > 500 and set(y) == {0, 1, 2, 3}
    sizes = {}
    for name, model in script.MODELS.items():
        p, logits, keep = model(jax.random.key(0))
        sizes[name] = sum(each.size for each in jax.tree.leaves(p))
        slopes = jax.grad(lambda p, logits=logits: (logits(p, X[:3]) ** 2).sum())(p)
        assert all(np.isfinite(each).all() and np.any(each) for each in jax.tree.leaves(slopes))
        assert logits(keep(p), X[:2]).shape == (2, 4)
    assert sizes == {"hybrid": 280, "classical": 280, "network": 340}
    low = np.asarray(script.bounded(script.ALONE, np.zeros(script.ALONE.num_weights)))
    np.testing.assert_allclose(np.unique(low), [0.0, 0.3], rtol=1e-6)
