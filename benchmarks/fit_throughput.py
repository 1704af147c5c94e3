"""How fast is training.fit, beside a plain DataLoader loop and the bare matrix products?

One epoch of an autoencoder 784-200-784 with sigmoid units, batches of 256, Adam, float32, one
thread, on random data in the shape of MNIST. The three take turns, so that whatever else the
machine does disturbs all of them alike, and what is counted is processor time, which on one thread
is what a clock would show if the machine did nothing else.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import course_utils
from course_utils import losses, networks, training

D, HIDDEN, BATCH = 784, 200, 256
LOSSES = {
    "squared error": (losses.squared_error, functional.mse_loss),
    "cross-entropy": (losses.bernoulli_cross_entropy, functional.binary_cross_entropy),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def with_fit(x, ours, _):
    """One epoch of training.fit."""
    model = networks.Autoencoder([D, HIDDEN], generator=seeded())
    training.fit(
        model,
        x,
        lambda model, x, generator: ours(x, model(x)).mean(),
        epochs=1,
        generator=seeded(),
        batch_size=BATCH,
    )


def plain_loop(x, _, torchs):
    """One epoch of what most tutorials write."""
    model = nn.Sequential(nn.Linear(D, HIDDEN), nn.Sigmoid(), nn.Linear(HIDDEN, D), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters())
    for (batch,) in DataLoader(TensorDataset(x), batch_size=BATCH, shuffle=True):
        optimizer.zero_grad()
        loss = torchs(model(batch), batch, reduction="sum") / len(batch)
        loss.backward()
        optimizer.step()


def products(x, *_):
    """The five matrix products of each step, on one batch that stays in the cache."""
    w1, w2 = torch.rand(HIDDEN, D), torch.rand(D, HIDDEN)
    a1, a2, delta2, delta3 = (torch.rand(BATCH, n) for n in (D, HIDDEN, HIDDEN, D))
    for m in [BATCH] * (len(x) // BATCH) + [len(x) % BATCH]:
        torch.mm(a1[:m], w1.T)
        torch.mm(a2[:m], w2.T)
        torch.mm(delta3[:m].T, a2[:m])
        torch.mm(delta3[:m], w2)
        torch.mm(delta2[:m].T, a1[:m])


def seconds(run, x, pair):
    """Processor seconds of one call."""
    start = time.process_time()
    run(x, *pair)
    return time.process_time() - start


def main():
    """Print a table: medians, and the two ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=60_000, help="examples (default 60000)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (default 7)")
    arguments = parser.parse_args()
    threads = course_utils.set_threads()
    x = torch.rand(arguments.n, D, generator=seeded())
    print(f"torch {torch.__version__}, {threads} thread(s), {arguments.n} examples")
    print("loss            fit s   loop s   products s   loop/fit   products/fit")
    for name, pair in LOSSES.items():
        for run in (with_fit, plain_loop, products):
            run(x[: 10 * BATCH], *pair)
        rows = [
            [seconds(run, x, pair) for run in (with_fit, plain_loop, products)]
            for _ in range(arguments.rounds)
        ]
        fit, loop, bare = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{name:<14}{fit:7.3f}{loop:9.3f}{bare:13.3f}{loop / fit:11.2f}{bare / fit:15.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
