"""How many examples a property is tried with.

`make test` tries all of them; `make quick` (`--hypothesis-profile=quick`) a fifth, to be done in
a minute; `make test ARGS=--hypothesis-profile=thorough` five times as many, for a night.
"""

from hypothesis import HealthCheck, settings

_ALL = 100


def register_profiles() -> None:
    """Tell Hypothesis of each kind of run, and begin with that of `make test`."""
    settings.register_profile(
        "lephi",
        max_examples=_ALL,
        # The machine is shared: how long an example takes says nothing about the code.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    settings.register_profile("quick", settings.get_profile("lephi"), max_examples=_ALL // 5)
    settings.register_profile("thorough", settings.get_profile("lephi"), max_examples=_ALL * 5)
    settings.load_profile("lephi")


def examples(full: int) -> int:
    """`full`, or the part of it that this kind of run tries, at least one."""
    return max(1, full * settings().max_examples // _ALL)
