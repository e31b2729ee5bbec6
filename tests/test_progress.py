"""Progress is told where the work is done, and costs nothing where nobody listens."""

from hfdl.progress import Progress, listening, tell, track


def heard(work) -> list[Progress]:
    said: list[Progress] = []
    with listening(said.append):
        work()
    return said


def test_nobody_listens() -> None:
    tell("reading")
    assert list(track(range(3), "reading", total=3)) == [0, 1, 2]


def test_items_are_counted_as_they_are_taken() -> None:
    said = heard(lambda: list(track(["a", "bb"], "reading", total=3, unit="letters", size=len)))
    assert said == [Progress("reading", done, 3, "letters") for done in (0, 1, 3)]


def test_the_outermost_count_is_told() -> None:
    def work() -> None:
        for _ in track(range(2), "predicting", total=2):
            tell("opening")
            list(track(range(5), "tokenising", total=5))

    assert [one.what for one in heard(work)] == ["predicting"] * 3
    assert heard(lambda: tell("opening")) == [Progress("opening")]


def test_a_count_that_an_error_ended_hides_nothing_later() -> None:
    kept = []

    def work() -> None:
        for _ in track(range(2), "predicting"):
            raise ValueError

    try:
        heard(work)
    except ValueError as error:
        kept.append(error)  # its traceback holds the unfinished loop
    assert [one.what for one in heard(lambda: tell("opening"))] == ["opening"]
