import numpy as np
import pytest
import scipy.stats
import torch

from course_utils import corruption

X = 0.1 + 0.8 * torch.rand(200, 300, generator=torch.Generator().manual_seed(5))
NOISES = {
    "gaussian": lambda x, generator: corruption.gaussian(x, 0.5, generator),
    "masking": lambda x, generator: corruption.masking(x, 0.3, generator),
    "salt_and_pepper": lambda x, generator: corruption.salt_and_pepper(x, 0.3, generator),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def assert_share(hits, probability):
    """The count lies in the binomial's central interval of 99.99 %."""
    low, high = scipy.stats.binom.interval(0.9999, hits.numel(), probability)
    assert low <= hits.sum() <= high


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_only_the_generator_is_drawn_from_and_the_input_is_kept(noise):
    before, state = X.clone(), torch.get_rng_state()
    first, again, other = noise(X, seeded(1)), noise(X, seeded(1)), noise(X, seeded(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(X, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.dtype == X.dtype
    assert noise(X.double(), seeded()).dtype == torch.float64


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_one_generator_gives_new_noise_each_time(noise):
    generator = seeded()
    assert not torch.equal(noise(X, generator), noise(X, generator))


def test_gaussian_noise_is_gaussian():
    noise = (corruption.gaussian(X.double(), 0.5, seeded()) - X.double()).ravel().numpy()
    assert scipy.stats.kstest(noise, scipy.stats.norm(0, 0.5).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 4 / np.sqrt(noise.size)


def test_no_gaussian_noise():
    assert torch.equal(corruption.gaussian(X, 0, seeded()), X)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_masking(fraction):
    masked = corruption.masking(X, fraction, seeded())
    hit = masked == 0
    assert_share(hit, fraction)
    assert torch.equal(masked[~hit], X[~hit])


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_salt_and_pepper(fraction):
    noisy = corruption.salt_and_pepper(X, fraction, seeded(), low=-1, high=2)
    pepper, salt = noisy == -1, noisy == 2
    assert_share(pepper, fraction / 2)
    assert_share(salt, fraction / 2)
    kept = ~(pepper | salt)
    assert torch.equal(noisy[kept], X[kept])


def test_salt_and_pepper_are_zero_and_one_by_default():
    noisy = corruption.salt_and_pepper(X, 0.5, seeded())
    assert noisy[noisy != X].unique().tolist() == [0, 1]


def test_both_ends_of_the_range():
    for noise in (corruption.masking, corruption.salt_and_pepper):
        assert torch.equal(noise(X, 0, seeded()), X)
    assert not corruption.masking(X, 1, seeded()).any()
    all_hit = corruption.salt_and_pepper(X, 1, seeded())
    assert ((all_hit == 0) | (all_hit == 1)).all()


@pytest.mark.parametrize("noise", [corruption.masking, corruption.salt_and_pepper])
@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_fraction_out_of_range(noise, fraction):
    with pytest.raises(ValueError, match=r"fraction must lie in \[0, 1\]"):
        noise(X, fraction, seeded())


@pytest.mark.parametrize("sigma", [-1, float("nan")])
def test_sigma_out_of_range(sigma):
    with pytest.raises(ValueError, match="sigma must be 0 or larger"):
        corruption.gaussian(X, sigma, seeded())
