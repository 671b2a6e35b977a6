"""What numbers may depend on: packages, Python, machine."""

import importlib.metadata
import platform

PACKAGES = (
    "jaxgen",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "numpy",
    "tokamax",
    "torch",
    "transformers",
)


def versions() -> dict[str, str]:
    """The versions of the packages that are installed, of Python, and the machine.

    Example:
      >>> versions()["python"] == platform.python_version()
      True
    """
    here = {dist.name: dist.version for dist in importlib.metadata.distributions()}
    return {
        **{name: here[name] for name in PACKAGES if name in here},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
