"""A random-effects mean by another way: Fisher scoring on whole matrices, as in Viechtbauer (2005) and metafor.

It was compared once with statsmodels 0.15.0 (DerSimonian and Laird, Hartung and Knapp) and pymare 0.0.13 (both
methods): see `test_random_effects`.
"""

import numpy as np
import scipy.stats


def pool_by_scoring(y: np.ndarray, v: np.ndarray, method: str = "reml", level: float = 0.95) -> dict[str, float]:
    """Pool effects ``[K]`` with covariance ``[K, K]`` or variances ``[K]``; the keys are fields of ``Pooled``."""
    v = np.diag(v) if v.ndim == 1 else v
    pairs, one = len(y), np.ones((len(y), 1))

    def projection(tau2: float) -> tuple[np.ndarray, np.ndarray]:
        w = np.linalg.inv(v + tau2 * np.eye(pairs))
        return w, w - w @ one @ one.T @ w / (one.T @ w @ one)

    w, p = projection(0.0)
    q, trace = float(y @ p @ y), float(np.trace(p))
    if method == "dl":
        tau2 = max(0.0, (q - (pairs - 1)) / trace)
    else:
        tau2 = max(0.0, float(np.var(y, ddof=1) - np.diag(v).mean()))
        for _ in range(3_000):
            _, now = projection(tau2)
            step = float(y @ now @ now @ y - np.trace(now)) / float(np.trace(now @ now))
            after = max(0.0, tau2 + step)
            if abs(after - tau2) <= 1e-13 * (tau2 + np.diag(v).mean()):
                break
            tau2 = after
    w, _ = projection(tau2)
    mean = (one.T @ w @ y).item() / (one.T @ w @ one).item()
    factor = float((y - mean) @ w @ (y - mean)) / (pairs - 1)
    error = float(np.sqrt(factor / (one.T @ w @ one)).item())
    low, high = scipy.stats.t.interval(level, pairs - 1, mean, error)
    ends = scipy.stats.t.interval(level, pairs - 2, mean, np.sqrt(tau2 + error**2)) if pairs > 2 else (np.nan, np.nan)
    return {
        "mean": mean, "low": low, "high": high, "standard_error": error, "tau": np.sqrt(tau2), "q": q,
        "p": 2 * scipy.stats.t.sf(abs(mean / error), pairs - 1), "q_p": scipy.stats.chi2.sf(q, pairs - 1),
        "i2": tau2 / (tau2 + (pairs - 1) / trace), "factor": factor,
        "predicted_low": ends[0], "predicted_high": ends[1],
    }  # fmt: skip
