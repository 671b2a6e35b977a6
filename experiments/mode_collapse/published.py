"""What others reported, number by number, with the protocol it was measured under."""

from typing import NamedTuple


class Row(NamedTuple):
    """One line of a published table; empty where the table has none."""

    source: str
    data: str
    method: str
    modes: str
    high_quality: str
    reverse_kl: str


_VEEGAN = "VEEGAN 2017, table 1 (5 runs, no spread given; at least one sample a mode)"
_PACGAN = "PacGAN 2018, table 1 (10 runs, ± standard error; 2,500 samples)"
_ALPHA = "(α_D, α_G)-GANs 2023 (200 runs; 25,000 samples)"

PUBLISHED = (
    Row(_VEEGAN, "ring", "GAN", "1", "99.3 %", ""),
    Row(_VEEGAN, "ring", "Unrolled GAN", "7.6", "35.6 %", ""),
    Row(_VEEGAN, "ring", "VEEGAN", "8", "52.9 %", ""),
    Row(_VEEGAN, "grid", "GAN", "3.3", "0.5 %", ""),
    Row(_VEEGAN, "grid", "Unrolled GAN", "23.6", "16 %", ""),
    Row(_VEEGAN, "grid", "VEEGAN", "24.6", "40 %", ""),
    Row(_PACGAN, "ring", "GAN", "6.3 ± 0.5", "98.2 ± 0.2 %", "0.45 ± 0.09"),
    Row(_PACGAN, "ring", "PacGAN2", "7.9 ± 0.1", "95.6 ± 2.0 %", "0.07 ± 0.03"),
    Row(_PACGAN, "ring", "PacGAN3", "7.8 ± 0.1", "97.7 ± 0.3 %", "0.10 ± 0.02"),
    Row(_PACGAN, "ring", "PacGAN4", "7.8 ± 0.1", "95.9 ± 1.4 %", "0.07 ± 0.02"),
    Row(_PACGAN, "grid", "GAN", "17.3 ± 0.8", "94.8 ± 0.7 %", "0.70 ± 0.07"),
    Row(_PACGAN, "grid", "PacGAN2", "23.8 ± 0.7", "91.3 ± 0.8 %", "0.13 ± 0.04"),
    Row(_PACGAN, "grid", "PacGAN3", "24.6 ± 0.4", "94.2 ± 0.4 %", "0.06 ± 0.02"),
    Row(_PACGAN, "grid", "PacGAN4", "24.8 ± 0.2", "93.6 ± 0.6 %", "0.04 ± 0.01"),
    Row(_ALPHA, "ring", "GAN, non-saturating", "8 of 8 in 22 % of runs", "", ""),
    Row(_ALPHA, "ring", "GAN, saturating", "8 of 8 in 47 %, 0 in 30 %", "", ""),
    Row(_ALPHA, "ring", "least squares", "8 of 8 in 32.5 % of runs", "", ""),
)
