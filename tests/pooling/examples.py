"""Published meta-analyses: effects and their sampling variances, from the numbers in print."""

import numpy as np

Study = tuple[np.ndarray, np.ndarray]


def bcg() -> Study:
    """Log risk ratios of tuberculosis with and without BCG vaccine.

    Colditz et al. (1994), JAMA 271, 698-702: cases and others among the vaccinated, cases and others among the rest.
    """
    a, b, c, d = np.array(
        [
            (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761),
            (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232),
            (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
        ],
        dtype=float,
    ).T  # fmt: skip
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def teachers() -> Study:
    """Standardised mean differences in IQ of pupils whose teachers expected more of them.

    Raudenbush and Bryk (1985), Journal of Educational Statistics 10, 75-98, Table 1.
    """
    effects = [0.03, 0.12, -0.14, 1.18, 0.26, -0.06, -0.02, -0.32, 0.27, 0.80]
    effects += [0.54, 0.18, -0.02, 0.23, -0.18, -0.06, 0.30, 0.07, -0.07]
    variances = [0.0156, 0.0216, 0.0279, 0.1391, 0.1362, 0.0106, 0.0106, 0.0484, 0.0269, 0.0630]
    variances += [0.0912, 0.0497, 0.0835, 0.0841, 0.0253, 0.0279, 0.0193, 0.0088, 0.0303]
    return np.array(effects), np.array(variances)


def hospital() -> Study:
    """Differences of mean days in hospital after a stroke, specialist less routine care, with pooled variances.

    Normand (1999), Statistics in Medicine 18, 321-359, Table II: patients, mean, standard deviation of either group.
    """
    n1, m1, s1, n2, m2, s2 = np.array(
        [
            (155, 55, 47, 156, 75, 64), (31, 27, 7, 32, 29, 4), (75, 64, 17, 71, 119, 29), (18, 66, 20, 18, 137, 48),
            (8, 14, 8, 13, 18, 11), (57, 19, 7, 52, 18, 4), (34, 52, 45, 33, 41, 34), (110, 21, 16, 183, 31, 27),
            (60, 30, 27, 52, 23, 20),
        ],
        dtype=float,
    ).T  # fmt: skip
    pooled = ((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2)
    return m1 - m2, pooled * (1 / n1 + 1 / n2)


def clasp() -> Study:
    """Log odds ratios of pre-eclampsia with and without aspirin.

    DerSimonian and Kacker (2007), Contemporary Clinical Trials 28, 105-114, Table 1: treated, controls, cases of each.
    """
    n1, n2, a, c = np.array(
        [
            (156, 74, 5, 8), (303, 303, 5, 17), (565, 477, 12, 9), (1570, 1565, 69, 94), (103, 105, 9, 11),
            (4659, 4650, 313, 352),
        ],
        dtype=float,
    ).T  # fmt: skip
    return np.log(a * (n2 - c) / (c * (n1 - a))), 1 / a + 1 / (n1 - a) + 1 / c + 1 / (n2 - c)


def smoking() -> Study:
    """Log odds ratios of lung cancer of women who do not smoke, their husbands smoking or not.

    Hackshaw, Law and Wald (1997), BMJ 315, 980-988, Table 1: odds ratio and 95 % interval.
    """
    ratio, low, high = np.array(
        [
            (1.18, 0.90, 1.54), (1.45, 1.02, 2.08), (2.02, 0.48, 8.56), (1.20, 0.80, 1.60), (0.75, 0.43, 1.30),
            (2.07, 0.81, 5.25), (2.13, 1.19, 3.83), (0.80, 0.34, 1.90), (0.79, 0.25, 2.45), (2.01, 1.09, 3.72),
            (1.23, 0.81, 1.87), (1.20, 0.50, 3.30), (1.52, 0.87, 2.63), (1.03, 0.41, 2.55), (1.55, 0.90, 2.67),
            (1.03, 0.61, 1.74), (2.34, 0.81, 6.75), (1.65, 1.16, 2.35), (1.19, 0.82, 1.73), (1.52, 0.39, 5.96),
            (2.16, 1.08, 4.29), (1.08, 0.64, 1.82), (2.55, 0.74, 8.78), (1.62, 0.90, 2.91), (1.06, 0.74, 1.52),
            (0.79, 0.62, 1.02), (0.74, 0.32, 1.69), (2.27, 0.75, 6.82), (0.97, 0.78, 1.21), (1.60, 0.80, 3.00),
            (1.19, 0.66, 2.13), (1.66, 0.73, 3.78), (1.26, 1.04, 1.54), (1.10, 0.62, 1.96), (1.66, 1.12, 2.45),
            (1.16, 0.80, 1.69), (1.11, 0.67, 1.84),
        ]
    ).T  # fmt: skip
    return np.log(ratio), (np.log(high / low) / (2 * 1.959963984540054)) ** 2


def lidocaine() -> Study:
    """Differences in percent of patients dead after an infarction, with and without lidocaine: all alike.

    Hine et al. (1989), Archives of Internal Medicine 149, 2694-2698, as in Normand (1999), Table III.
    """
    effects = [2.8026, 0.0000, 1.9711, 1.7961, 3.5334, 4.4031]
    return np.array(effects), np.array([17.7575, 37.5657, 8.1323, 10.8998, 8.0114, 6.1320])


EXAMPLES = {study.__name__: study for study in (bcg, teachers, hospital, clasp, smoking, lidocaine)}
