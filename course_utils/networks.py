"""The course's networks: torch modules whose parameters bear the names of the formulas."""

import numbers

import torch
from torch import nn
from torch.nn import functional

# In place: a layer's weighted sums are nobody else's, and each activation's derivative needs only
# its own output.
_ACTIVATIONS = {
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
    "relu": torch.relu_,
    "linear": lambda z: z,
}


def top_k(h, k):
    """Keep the k largest entries of each code, and set the others to exactly zero.

    Parameters
    ----------
    h : Tensor, shape (n, d)
    k : int, from 1 to d

    Returns
    -------
    Tensor, shape (n, d)
        A new tensor. Gradients flow to the entries that were kept.

    Raises
    ------
    ValueError
        If `k` is out of range.

    References
    ----------
    Makhzani & Frey (2014), k-sparse autoencoders, ICLR.
    """
    if not 1 <= k <= h.shape[1]:
        raise ValueError(f"k must be from 1 to {h.shape[1]}, the width of the code, got {k}")
    values, places = h.topk(k, dim=1)
    return torch.zeros_like(h).scatter(1, places, values)


class Layer(nn.Module):
    """One layer: a' = activation(W a + b), where a row of the input is an example.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of units.
    activation : {"sigmoid", "tanh", "relu", "linear"}
    generator : torch.Generator
        Draws W: uniform in +-sqrt(6/(n_in + n_out)) (Xavier), for "relu" in +-sqrt(6/n_in) (He).
        b starts at 0.

    Attributes
    ----------
    W : Parameter, shape (n_out, n_in)
    b : Parameter, shape (n_out,)

    References
    ----------
    Glorot & Bengio (2010), AISTATS, equation 16; He et al. (2015), ICCV, equation 10.
    """

    def __init__(self, n_in, n_out, activation, generator):
        super().__init__()
        self.W = nn.Parameter(torch.empty(n_out, n_in))
        self.b = nn.Parameter(torch.zeros(n_out))
        self.activation = activation
        if activation == "relu":
            nn.init.kaiming_uniform_(self.W, nonlinearity="relu", generator=generator)
        else:
            nn.init.xavier_uniform_(self.W, generator=generator)

    def forward(self, a):
        """Return activation(W a + b) for each row of `a`, shape (n, n_in)."""
        return _ACTIVATIONS[self.activation](functional.linear(a, self.W, self.b))


class TiedLayer(nn.Module):
    """A decoder layer that uses an encoder layer's weights, transposed, and a bias of its own.

    Parameters
    ----------
    source : Layer
        The encoder layer. Its W stays the only copy, and collects both gradients.
    activation : {"sigmoid", "tanh", "relu", "linear"}

    Attributes
    ----------
    W : Tensor, shape (n_in of source, n_out of source)
        The transposed weights: a view, not a parameter.
    b : Parameter, shape (n_in of source,)
    """

    def __init__(self, source, activation):
        super().__init__()
        self.source = (source,)  # in a tuple, so that torch doesn't list its parameters twice
        self.b = nn.Parameter(torch.zeros(source.W.shape[1]))
        self.activation = activation

    @property
    def W(self):
        return self.source[0].W.T

    def forward(self, a):
        """Return activation(W a + b) for each row of `a`."""
        return _ACTIVATIONS[self.activation](functional.linear(a, self.W, self.b))


class Autoencoder(nn.Module):
    """A fully connected autoencoder with a mirrored decoder: r(x) = g(f(x)).

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer from the input to the code, [d, h1, ..., k]; the decoder has the same
        in reverse order. [784, 200] has one hidden layer, which is the code.
    generator : torch.Generator
        Draws the initial weights (see `Layer`), first the encoder's, then the decoder's.
    activation : {"sigmoid", "tanh", "relu", "linear"}
        Activation of all hidden layers.
    output : {"sigmoid", "tanh", "relu", "linear"}
        Activation of the decoder's last layer. "sigmoid" for data in [0, 1].
    code_activation : {"sigmoid", "tanh", "relu", "linear"}, optional
        Activation of the code. Default: the same as `activation`. Take "linear" for a code that is
        drawn as a map, or for a comparison with principal components.
    tied : bool
        Whether the decoder uses the encoder's weights transposed. Its biases are its own.

    Attributes
    ----------
    encoder, decoder : ModuleList of Layer
        ``encoder[0].W``, shape (h1, d), holds one filter a row; ``encoder[0].b`` the biases.
        Parameters are named ``encoder.0.W``, ``encoder.0.b`` and so on.

    Raises
    ------
    ValueError
        If `sizes` has fewer than two entries or one that isn't a positive whole number, or if an
        activation is unknown.
    TypeError
        If `generator` is not a torch.Generator.
    """

    def __init__(
        self,
        sizes,
        *,
        generator,
        activation="sigmoid",
        output="sigmoid",
        code_activation=None,
        tied=False,
    ):
        super().__init__()
        sizes = list(sizes)
        code_activation = activation if code_activation is None else code_activation
        whole = all(isinstance(n, numbers.Integral) for n in sizes)
        if len(sizes) < 2 or not whole or min(sizes) < 1:
            raise ValueError(f"sizes must be two or more positive whole numbers, got {sizes}")
        for name in (activation, output, code_activation):
            if name not in _ACTIVATIONS:
                raise ValueError(f"no activation {name!r}: take one of {', '.join(_ACTIVATIONS)}")
        if not isinstance(generator, torch.Generator):
            raise TypeError(
                f"generator must be a torch.Generator, for example "
                f"torch.Generator().manual_seed(0), got {type(generator).__name__}"
            )
        hidden = [activation] * (len(sizes) - 2)
        steps = list(zip(sizes, sizes[1:], [*hidden, code_activation], strict=False))
        self.encoder = nn.ModuleList(Layer(*step, generator) for step in steps)
        backward = list(zip(sizes[:0:-1], sizes[-2::-1], [*hidden, output], strict=True))
        if tied:
            self.decoder = nn.ModuleList(
                TiedLayer(layer, step[2])
                for layer, step in zip(reversed(self.encoder), backward, strict=True)
            )
        else:
            self.decoder = nn.ModuleList(Layer(*step, generator) for step in backward)

    def encode(self, x):
        """Return the codes h = f(x), shape (n, k), of inputs x, shape (n, d)."""
        for layer in self.encoder:
            x = layer(x)
        return x

    def decode(self, h):
        """Return the reconstructions g(h), shape (n, d), of codes h, shape (n, k)."""
        for layer in self.decoder:
            h = layer(h)
        return h

    def forward(self, x):
        """Return the reconstructions r(x) = g(f(x)), shape (n, d), of inputs x, shape (n, d)."""
        return self.decode(self.encode(x))
