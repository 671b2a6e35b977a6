"""Densities: small pytrees of arrays, and what they say of points, in nats."""
