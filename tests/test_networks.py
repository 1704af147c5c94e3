import copy

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from course_utils import networks


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def autoencoder(sizes, **settings):
    return networks.Autoencoder(sizes, generator=seeded(), **settings)


X = torch.rand(6, 10, generator=seeded(3))
NUMPY = {
    "sigmoid": scipy.special.expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "linear": lambda z: z,
}


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("activation", NUMPY)
def test_forward_pass_by_hand(activation, tied):
    model = autoencoder([10, 7, 3], activation=activation, output="linear", tied=tied).double()
    with torch.no_grad():
        for layer in [*model.encoder, *model.decoder]:
            layer.b.normal_(generator=seeded(4))
    x = X.double()
    a = x.numpy()
    for layer in model.encoder:
        a = NUMPY[activation](a @ layer.W.detach().numpy().T + layer.b.detach().numpy())
    np.testing.assert_allclose(model.encode(x).detach(), a, rtol=1e-12)
    first, last = model.decoder
    if tied:
        w1, w2 = (layer.W.detach().numpy().T for layer in reversed(model.encoder))
    else:
        w1, w2 = (layer.W.detach().numpy() for layer in model.decoder)
    a = NUMPY[activation](a @ w1.T + first.b.detach().numpy())
    r = a @ w2.T + last.b.detach().numpy()
    np.testing.assert_allclose(model(x).detach(), r, rtol=1e-12)
    np.testing.assert_allclose(model.decode(model.encode(x)).detach(), r, rtol=1e-12)


@pytest.mark.parametrize("output", NUMPY)
def test_output_activation(output):
    linear, other = (autoencoder([10, 4], output=name) for name in ("linear", output))
    other.load_state_dict(linear.state_dict())
    expected = NUMPY[output](linear(X).detach().numpy())
    np.testing.assert_allclose(other(X).detach(), expected, rtol=1e-6)


def test_code_activation():
    h = autoencoder([10, 7, 2], code_activation="linear").encode(X)
    sigmoid = autoencoder([10, 7, 2]).encode(X)
    torch.testing.assert_close(torch.sigmoid(h), sigmoid)


def test_parameters_and_their_shapes():
    model = autoencoder([10, 7, 3])
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == {
        "encoder.0.W": (7, 10),
        "encoder.0.b": (7,),
        "encoder.1.W": (3, 7),
        "encoder.1.b": (3,),
        "decoder.0.W": (7, 3),
        "decoder.0.b": (7,),
        "decoder.1.W": (10, 7),
        "decoder.1.b": (10,),
    }


def test_tied_weights_are_one_matrix():
    model = autoencoder([10, 7, 3], tied=True)
    names = [name for name, _ in model.named_parameters()]
    assert [name for name in names if name.endswith("W")] == ["encoder.0.W", "encoder.1.W"]
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.encoder[0].W.zero_()
    assert not twin.decoder[1].W.any()
    assert model.decoder[1].W.all()


def test_tied_gradient_is_the_sum_of_both():
    tied, free = autoencoder([10, 4], tied=True).double(), autoencoder([10, 4]).double()
    with torch.no_grad():
        free.encoder[0].W.copy_(tied.encoder[0].W)
        free.decoder[0].W.copy_(tied.encoder[0].W.T)
    for model in (tied, free):
        model(X.double()).square().sum().backward()
    expected = free.encoder[0].W.grad + free.decoder[0].W.grad.T
    torch.testing.assert_close(tied.encoder[0].W.grad, expected)


@pytest.mark.parametrize(
    ("activation", "limit"),
    [
        ("sigmoid", np.sqrt(6 / 500)),
        ("tanh", np.sqrt(6 / 500)),
        ("linear", np.sqrt(6 / 500)),
        ("relu", np.sqrt(6 / 300)),
    ],
)
def test_initial_weights(activation, limit):
    encoder = autoencoder([300, 200], activation=activation).encoder[0]
    W = encoder.W.detach().numpy().ravel()
    uniform = scipy.stats.uniform(-limit, 2 * limit)
    assert scipy.stats.kstest(W, uniform.cdf).pvalue > 1e-3
    assert not encoder.b.any()


def test_weights_come_from_the_generator_alone():
    state = torch.get_rng_state()
    first, again = autoencoder([10, 7, 3]), autoencoder([10, 7, 3])
    other = networks.Autoencoder([10, 7, 3], generator=seeded(1))
    assert torch.equal(torch.get_rng_state(), state)
    for a, b, c in zip(first.encoder, again.encoder, other.encoder, strict=True):
        assert torch.equal(a.W, b.W)
        assert not torch.equal(a.W, c.W)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "linear"])
def test_derivatives_of_every_kind(activation, tied):
    model = autoencoder([4, 3], activation=activation, tied=tied).double()
    x = X[:2, :4].double().requires_grad_()
    assert torch.autograd.gradcheck(model, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(model, x)
    reverse = torch.func.vmap(torch.func.jacrev(model))(x)
    forward = torch.func.vmap(torch.func.jacfwd(model))(x)
    torch.testing.assert_close(reverse, forward)


@pytest.mark.parametrize("sizes", [[10], [], [10, 0], [10, 2.5], [10, -3]])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="sizes must be two or more positive whole numbers"):
        autoencoder(sizes)


def test_numpy_integers_are_whole_numbers():
    assert autoencoder(np.array([10, 3])).encode(X).shape == (6, 3)


@pytest.mark.parametrize("name", ["activation", "output", "code_activation"])
def test_unknown_activation(name):
    with pytest.raises(ValueError, match="no activation 'sigmoidal': take one of sigmoid, tanh"):
        autoencoder([10, 3], **{name: "sigmoidal"})


@pytest.mark.parametrize("generator", [None, 0, np.random.default_rng(0)])
def test_not_a_torch_generator(generator):
    with pytest.raises(TypeError, match=r"generator must be a torch\.Generator"):
        networks.Autoencoder([10, 3], generator=generator)


def test_top_k_keeps_the_largest_and_passes_their_gradients():
    h = torch.tensor([[0.1, 3.0, 2.0, -1.0], [0.0, -2.0, -1.0, -3.0]], requires_grad=True)
    kept = networks.top_k(h, 2)
    assert kept.tolist() == [[0, 3, 2, 0], [0, 0, -1, 0]]
    kept.sum().backward()
    assert h.grad.tolist() == [[0, 1, 1, 0], [1, 0, 1, 0]]
    assert torch.equal(networks.top_k(h, 4), h)
    for k in (0, 5):
        with pytest.raises(ValueError, match="from 1 to 4"):
            networks.top_k(h, k)
