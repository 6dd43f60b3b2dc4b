"""A full run tries every example, and a quick one does not do so in silence."""

import hypothesis

from tests.support.examples import examples


def test_a_full_run_tries_them_all_and_a_quick_one_a_part() -> None:
    profile = hypothesis.settings.get_current_profile_name()
    try:
        hypothesis.settings.load_profile("lephi")
        assert (examples(60), examples(1)) == (60, 1)
        hypothesis.settings.load_profile("quick")
        assert (examples(60), examples(1)) == (12, 1)
    finally:
        hypothesis.settings.load_profile(profile)


def test_nothing_but_the_profile_says_how_many() -> None:
    full, quick = (hypothesis.settings.get_profile(name) for name in ("lephi", "quick"))
    assert (full.max_examples, quick.max_examples) == (100, 20)
    assert (full.deadline, quick.deadline) == (None, None)
