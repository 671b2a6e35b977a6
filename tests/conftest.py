"""Eight simulated devices, no rank promotion, and a TPU compiler that keeps quiet."""

import os

os.environ.update(
    JAX_PLATFORMS="cpu",
    TPU_ACCELERATOR_TYPE="v5litepod-8",
    TPU_WORKER_HOSTNAMES="localhost",
    TPU_LOG_DIR="disabled",
    ALLOW_MULTIPLE_LIBTPU_LOAD="1",
    OPENBLAS_NUM_THREADS="1",  # two workers' threads would wait for each other
    XLA_FLAGS="--xla_backend_optimization_level=0",  # most of a test is compiling
)

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key() -> jax.Array:
    """The key of a test."""
    return jax.random.key(0)


@pytest.fixture
def any_speed():
    """Programs that need not be fast, and compile in a fraction of the time."""
    before = jax.config.jax_optimization_level
    jax.config.update("jax_optimization_level", "O0")
    yield
    jax.config.update("jax_optimization_level", before)
