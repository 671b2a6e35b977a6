"""Every way to mix tokens that is measured, by name."""

from experiments.attention_scaling.settings import MixerName, Net
from jaxgen.attention.expressions import FULL, bigbird, longformer, strided, window
from jaxgen.attention.features import CosFormer, PositiveRandomFeatures
from jaxgen.attention.patterns import Pattern
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.bidirectional import Bidirectional
from jaxgen.nn.dense_synthesizer import DenseSynthesizer
from jaxgen.nn.diagonal_state_space import DiagonalStateSpace
from jaxgen.nn.fourier import FourierMixing
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.gated_delta import GatedDeltaRule
from jaxgen.nn.linear_attention import LinearAttention
from jaxgen.nn.linformer import LinformerAttention
from jaxgen.nn.lsh_attention import LSHAttention
from jaxgen.nn.mixer import Mixer
from jaxgen.nn.nystrom_attention import NystromAttention
from jaxgen.nn.sinkhorn_attention import SinkhornAttention

PATTERNS: tuple[MixerName, ...] = ("full", "window", "strided", "longformer", "bigbird")
"""Those that are softmax attention."""


def mixer(name: MixerName, net: Net, length: int) -> Mixer:
    """The mixer of a name, its sizes those of a window on both sides of a query.

    Nothing is causal. The row's length sizes the synthesizer's tables and cosFormer's
    cosine alone.

    Example:
      >>> mixer("linformer", Net(window=64), 1024).rank
      128
    """
    if name in PATTERNS:
        return SelfAttention(net.heads, pattern=pattern(name, net))
    heads, each, both = net.heads, net.window, 2 * net.window
    return {
        "linear": lambda: LinearAttention(heads),
        "performer": lambda: LinearAttention(heads, PositiveRandomFeatures(both)),
        "cosformer": lambda: LinearAttention(heads, CosFormer(length)),
        "delta": lambda: Bidirectional(GatedDeltaRule(heads)),
        "linformer": lambda: LinformerAttention(heads, rank=both),
        "nystrom": lambda: NystromAttention(heads, landmarks=both),
        "lsh": lambda: LSHAttention(heads, window=each),
        "sinkhorn": lambda: SinkhornAttention(heads, block=each),
        "synthesizer": lambda: DenseSynthesizer(heads, maximum=length),
        "fourier": FourierMixing,
        "state_space": lambda: Bidirectional(DiagonalStateSpace()),
        "convolution": lambda: GatedConvolution(2 * min(each, 8) + 1),
    }[name]()


def pattern(name: MixerName, net: Net) -> Pattern:
    """Which token may attend to which."""
    return {
        "full": FULL,
        "window": window(net.window),
        "strided": strided(net.window),
        "longformer": longformer(net.window),
        "bigbird": bigbird(net.window),
    }[name]
