"""What is computed in the benchmark of mixers."""

from typing import NamedTuple

from experiments.attention_scaling.settings import MixerName, Net
from experiments.attention_scaling.titles import MIXERS
from experiments.benchmarks.attention_tasks import Pattern, Task


class MixerTask(NamedTuple):
    """A mixer with its projections, of one sequence of float32 vectors.

    Attributes:
      mixer: of `experiments.attention_scaling.mixers`.
      backward: its gradient too, by the vectors and by all parameters.
      length: tokens.
      heads: of queries, and as many of keys.
      features: of each head.
      window: keys on each side; what sizes blocks, landmarks and buckets.
    """

    mixer: MixerName
    backward: bool
    length: int
    heads: int
    features: int
    window: int

    @property
    def title(self) -> str:
        """What the table calls it.

        Example:
          >>> MixerTask("lsh", True, 512, 4, 64, 64).title
          'Reformer'
        """
        return MIXERS[self.mixer]

    @property
    def net(self) -> Net:
        """Its sizes."""
        return Net(self.heads, self.features, window=self.window)

    def layer(self, pattern: Pattern) -> Task:
        """A layer of softmax attention of the same sizes."""
        return Task(pattern, True, *self[1:])
