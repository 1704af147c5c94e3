"""What the lessons of the autoencoder course import.

Importing the package itself loads neither torch nor matplotlib: each module loads what it needs.
"""

import os
import sys

__version__ = "0.1.0"


def set_threads(n=None):
    """Let NumPy, SciPy and torch compute with `n` threads in this process.

    The models of the course are small: on a busy two-core laptop a second thread costs more time
    than it saves. Every lesson calls this function in its first cell; the number is set here and
    nowhere else.

    Parameters
    ----------
    n : int, optional
        Number of threads, at least 1. Default: the environment variable `COURSE_THREADS`, else 1.

    Returns
    -------
    int
        The number now in force.

    Raises
    ------
    ValueError
        If the number is not a positive whole number.
    """
    import threadpoolctl

    wanted = os.environ.get("COURSE_THREADS", "1") if n is None else n
    try:
        n = int(wanted)
    except ValueError:
        n = 0
    if n < 1:
        raise ValueError(f"the number of threads must be a whole number from 1 on, got {wanted!r}")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n)
    threadpoolctl.threadpool_limits(n)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n)
    return n
