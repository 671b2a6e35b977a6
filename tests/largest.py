"""The largest array that a program makes, by its jaxpr."""


def largest(jaxpr):
    """Numbers of the largest array in a jaxpr and all within it."""
    inner = [
        largest(getattr(part, "jaxpr", part))
        for equation in jaxpr.eqns
        for param in equation.params.values()
        for part in (param if isinstance(param, tuple) else (param,))
        if hasattr(getattr(part, "jaxpr", part), "eqns")
    ]
    made = [v.aval.size for equation in jaxpr.eqns for v in equation.outvars]
    return max([*inner, *made], default=0)
