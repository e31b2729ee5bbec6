"""The exponentially weighted average: a mean that forgets.

    v_t = beta v_(t-1) + (1 - beta) x_t,     v_0 = 0

The value of k steps ago has weight (1 - beta) beta^k, so about the last 1 / (1 - beta) values
count: ten for 0.9. Because v_0 is zero, the weights of the first t values sum to 1 - beta^t only,
and the average starts too low. Dividing by that sum corrects it (Kingma and Ba 2015, section 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.floats import floats
from hfdl.foundations.layer import Floats


def exponential_average(values: Any, beta: float = 0.9, *, bias_correction: bool = True) -> Floats:
    """The average after each value, along the first axis.

    Args:
        values: (T, ...).
        beta: share of the past, in [0, 1); 0 gives the values back.
        bias_correction: whether to divide by 1 - beta^t. With it, the first average is the first
            value; without it, it is (1 - beta) of that.

    Returns:
        (T, ...).

    Raises:
        ConfigError: beta is not in [0, 1).
    """
    if not 0.0 <= beta < 1.0:
        raise ConfigError(f"beta is {beta}", rule="the share of the past is from 0 to below 1")
    values = floats(values)
    averages = np.empty_like(values)
    average = np.zeros_like(values[:1].sum(axis=0))  # the shape of one value, also where T is 0
    for t, value in enumerate(values, start=1):
        average = beta * average + (1.0 - beta) * value
        averages[t - 1] = average / (1.0 - beta**t) if bias_correction else average
    return averages
