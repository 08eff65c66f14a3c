"""The layer for PyTorch, where that is installed, against finite differences and the layer for JAX."""

import copy
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep

CHAIN = qep.ising(sites=4, edges="chain", inputs=[0, 1], outputs=[2, 3])
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


@pytest.fixture
def double():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


def functional(torch, module):
    return lambda weights, x: torch.func.functional_call(module, {"weights": weights}, (x,))


@needs_torch
@pytest.mark.parametrize(
    "network",
    [
        CHAIN,
        qep.ising(sites=4, edges=[(0, 2), (1, 2), (1, 3), (2, 3)], inputs=[0, 1], outputs=[2, 3], clamp=True),
        qep.oscillators(sites=3, edges="chain", inputs=[0, 1], outputs=[1, 2]),
    ],
    ids=["fields", "clamped", "oscillators"],
)
def test_gradcheck(double, network):
    from qep_qiskit.torch import Layer

    module = Layer(network, seed=3)
    x = double.tensor([[0.3, -0.5], [1.1, 0.2]], requires_grad=True)
    assert double.autograd.gradcheck(functional(double, module), (module.weights, x), eps=1e-4, atol=1e-6, rtol=0)


@needs_torch
def test_transformations_agree_with_vjp(double):
    from qep_qiskit.torch import Layer

    module = Layer(CHAIN, seed=3)
    weights, x = module.weights.detach(), double.tensor([[0.3, -0.5], [1.1, 0.2]])
    loss = lambda w, x: functional(double, module)(w, x).sum()  # noqa: E731
    each = double.func.vmap(double.func.grad(loss, (0, 1)), (None, 0))(weights, x)
    pulled = qep.vjp(CHAIN, weights.numpy(), x.numpy(), np.ones((2, 2)))
    np.testing.assert_allclose(each[0], pulled.weights, atol=1e-12)
    np.testing.assert_allclose(each[1], pulled.inputs, atol=1e-12)
    module(x).sum().backward()
    np.testing.assert_allclose(module.weights.grad, pulled.weights.sum(axis=0), atol=1e-12)
    with pytest.raises(RuntimeError, match="no second derivatives"):
        double.autograd.functional.hessian(lambda w: loss(w, x), weights)


@needs_torch
def test_a_batch_of_64_samples_is_one_job_each_way(double):
    from test_jax_layer import Counting

    from qep_qiskit.torch import Layer

    device = Counting()
    module = Layer(CHAIN, seed=3, device=device, shots=50, stencil=qep.symmetric(0.3))
    answers = module(double.randn(64, 2))
    assert device.jobs == [64]
    answers.sum().backward()
    assert len(device.jobs) == 2, device.jobs


@needs_torch
def test_a_module_is_saved_copied_and_trained(double):
    from qep_qiskit.torch import Layer

    low = Layer(CHAIN, weights=CHAIN.initial_weights(seed=1)).float()
    answers = low(double.zeros(2, 3, 2, dtype=double.float32))
    assert answers.shape == (2, 3, 2) and answers.dtype == double.float32
    other = Layer(CHAIN, seed=8)
    other.load_state_dict(low.state_dict())
    assert list(low.state_dict()) == ["weights"] and double.equal(other.weights.float(), low.weights)
    stack = double.nn.Sequential(double.nn.Linear(3, 2), copy.deepcopy(other))
    steps = double.optim.Adam(stack.parameters(), lr=0.1)
    x, losses = double.randn(8, 3), []
    for _ in range(5):
        steps.zero_grad()
        loss = ((stack(x) - 0.5) ** 2).mean()
        loss.backward()
        steps.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert "4 qubits" in repr(stack)


@needs_torch
def test_the_snippet_of_the_tutorial():
    import torch

    text = (Path(__file__).parents[1] / "docs/tutorials/layer.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    network = qep.ising(sites=3, edges="complete", inputs=[0, 1], outputs=[0, 1, 2])
    names = {"network": network, "loader": [(torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]))] * 2}
    exec(snippet, names)
    assert names["model"](torch.randn(2, 4)).shape == (2, 3)


@needs_torch
def test_errors_are_one_line():
    from qep_qiskit.torch import Layer

    with pytest.raises(qep.InputError, match=r"x: shape \(3,\) is not allowed; its last axis must have 2 numbers"):
        Layer(CHAIN)(__import__("torch").zeros(3))
    with pytest.raises(TypeError, match=r"Layer\(\) got an unexpected keyword argument 'shot'; did you mean 'shots'"):
        Layer(CHAIN, shot=3)


@needs_torch
def test_other_types_of_inputs_and_weights():
    import torch

    from qep_qiskit.torch import Layer

    module = Layer(CHAIN, seed=3)
    whole, low = torch.tensor([[1, 0], [0, 1]]), torch.tensor([[0.5, 0.0]], dtype=torch.bfloat16)
    assert torch.equal(module(whole), module(whole.float()))
    assert module(low).dtype == torch.bfloat16
    assert torch.equal(Layer(CHAIN, weights=module.weights).weights, module.weights)
    for x in ([0.5, 0.5], None, torch.tensor([0.5, 0.5 + 1j])):
        with pytest.raises(qep.InputError, match="^x: .* allowed; give a tensor of real numbers"):
            module(x)


@needs_torch
def test_a_network_without_inputs(double):
    from qep_qiskit.torch import Layer

    network = qep.ising(sites=2, edges="chain", outputs=[1])
    module = Layer(network, seed=1)
    module(double.zeros(3, 0)).sum().backward()
    pulled = qep.vjp(network, module.weights.detach().numpy(), None, [1.0]).weights
    np.testing.assert_allclose(module.weights.grad, 3 * pulled, atol=1e-12)


def test_without_torch_the_message_names_the_extra():
    code = (
        "import sys; sys.modules['torch'] = None\ntry: import qep_qiskit.torch\nexcept ModuleNotFoundError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "qep_qiskit.torch: needs PyTorch; pip install 'qep-qiskit[torch]'"
