"""What a run looks like, as plain lines and on a terminal."""

import io
import re
from dataclasses import replace

from hfdl.runs.console import PlainConsole, TerminalConsole, console_listener
from hfdl.runs.event_lines import Rate
from hfdl.runs.texts import format_seconds
from hfdl.training.events import (
    Checkpointed,
    Evaluated,
    Event,
    Finished,
    Interrupted,
    Noted,
    Planned,
    Resumed,
    Sampled,
    Updated,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def updated(step: int, steps: int = 100, every: float = 0.1) -> Updated:
    return Updated(
        step=step, steps=steps, epoch=step / 50, loss=0.5, learning_rate=5e-5, grad_norm=1.0,
        examples=32, tokens=640, seconds=step * every,
    )  # fmt: skip


PLAN = Planned(
    task="text_classification", model="m", implementation="hf", labels=["[red]neg", "po\x1b[31ms"],
    parameters=1_000_000, trainable=500_000, examples={"train": 1600, "test": 10}, tokens=64_000,
    epochs=2, steps=100, batch_size=32, micro_batch_size=16, precision="bf16", device="cuda:0",
    processes=2, seconds=125.0, memory_bytes=3 * 2**29,
)  # fmt: skip


def plain(*events: Event) -> list[str]:
    stream = io.StringIO()
    with console_listener(stream) as listener:
        for event in events:
            listener(event)
    return stream.getvalue().splitlines()


def test_plan() -> None:
    assert plain(PLAN) == [
        "task              text_classification",
        "model             m (transformers' code)",
        "parameters        1,000,000, 50.0% of them trained",
        "examples          train 1,600, test 10",
        "labels            [red]neg, po\\x1b[31ms",
        "tokens            64,000 over 2 epochs",
        "updates           100 of 32 examples in micro-batches of 16",
        "device            cuda:0, bf16 x 2 processes",
        "estimated time    2 min 05 s",
        "estimated memory  1.50 GiB",
    ]


def test_the_plan_of_a_task_without_labels_has_no_line_for_them() -> None:
    names = [line.split()[0] for line in plain(replace(PLAN, labels=[]))]
    assert names == [line.split()[0] for line in plain(PLAN) if not line.startswith("labels")]
    assert len(names) == 9


def test_plain_lines_of_each_kind() -> None:
    metrics = {"accuracy": 0.852, "f1": 0.85, "loss": 0.36}
    assert plain(
        Noted("validation: taken\nfrom [b]train[/b]"),
        Resumed(10, "runs/x/checkpoints/step-10"),
        Evaluated("validation", 217, 1.0, metrics, True, 0.5),
        Evaluated("test", 217, 1.0, {"accuracy": 0.5}, False, 0.5),
        Evaluated("test", 0, 0.0, {"accuracy": 0.5}, False, 0.5),
        Checkpointed(217, "runs/x/checkpoints/step-217"),
        Finished("early_stopping", 217, 65.2, "runs/x"),
    ) == [
        "validation: taken\\nfrom [b]train[/b]",
        "resumed after update 10 from runs/x/checkpoints/step-10",
        "epoch 1.00  step 217  validation  accuracy 0.8520  f1 0.8500  loss 0.3600  *best",
        "epoch 1.00  step 217  test  accuracy 0.5000",
        "test  accuracy 0.5000",
        "checkpoint after update 217: runs/x/checkpoints/step-217",
        "early stopping after 217 updates in 1 min 05 s",
    ]


def test_a_fast_run_prints_every_tenth() -> None:
    lines = plain(*(updated(step) for step in range(1, 101)))
    steps = [int(m[1]) for line in lines if (m := re.search(r"step (\d+)/100", line))]
    assert steps == list(range(10, 101, 10))
    assert lines[0] == (
        "epoch 0.20  step 10/100  loss 0.5000  lr 5.0e-05  "
        "320 examples/s  6,400 tokens/s  ETA 9.0 s"
    )
    assert "ETA" not in lines[-1]


def test_a_slow_run_prints_every_five_seconds() -> None:
    lines = plain(*(updated(step, steps=1000, every=2.5) for step in range(1, 9)))
    assert [line.split()[3] for line in lines] == ["2/1000", "4/1000", "6/1000", "8/1000"]


def test_the_last_update_is_always_printed() -> None:
    lines = plain(updated(1), updated(2), updated(3), Finished("interrupted", 3, 0.3, "runs/x"))
    assert [line.split()[3] for line in lines[:-1]] == ["3/100"]
    assert plain(updated(1), updated(2))[-1].split()[3] == "2/100"


def test_no_control_characters_in_a_pipe() -> None:
    lines = plain(PLAN, *(updated(step) for step in range(1, 101)))
    assert all(line.isprintable() for line in lines)


def test_an_ascii_stream_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    PlainConsole(stream)(Noted("café"))
    assert raw.getvalue() == b"caf\\xe9\n"


def test_terminal_shows_a_bar_and_takes_no_markup_from_data() -> None:
    stream = Terminal()
    with console_listener(stream) as listener:
        assert isinstance(listener, TerminalConsole)
        for event in (PLAN, Noted("[bold]x[/bold] \x1b[2J"), updated(1), updated(2)):
            listener(event)
        listener(Evaluated("validation", 2, 0.1, {"accuracy": 0.5}, True, 0.1))
        listener(updated(100))
        listener(Finished("completed", 100, 10.0, "runs/x"))
    shown = stream.getvalue()
    assert "[red]neg" in shown
    assert "[bold]x[/bold] \\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert "100/100" in shown
    assert "accuracy 0.5000  *best" in shown
    assert "completed after 100 updates in 10 s" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor comes back


def test_terminal_is_left_in_order_after_an_error() -> None:
    stream = Terminal()
    try:
        with console_listener(stream) as listener:
            listener(updated(1))
            raise RuntimeError
    except RuntimeError:
        pass
    shown = stream.getvalue()
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    assert shown.rindex("\x1b[?25l") < shown.rindex("\x1b[?25h")


def test_force_plain_and_dumb_terminals(monkeypatch) -> None:
    assert isinstance(console_listener(Terminal(), force_plain=True), PlainConsole)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(console_listener(Terminal()), PlainConsole)


def test_a_stream_that_goes_away_does_not_stop_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    listener = console_listener(Gone())
    listener(Noted("x"))
    listener(Noted("y"))
    assert listener.gone
    closed = io.StringIO()
    closed.close()
    PlainConsole(closed)(Noted("x"))


def test_rate_leaves_out_what_is_not_training() -> None:
    rate = Rate()
    rate.add(updated(1))
    assert rate.per_second() is None
    rate.add(updated(2))
    rate.pause()
    late = updated(3)
    rate.add(Updated(**{**late.__dict__, "seconds": 60.0}))
    speed = rate.per_second()
    assert speed is not None
    assert [round(value) for value in speed] == [320, 6400]


def test_durations() -> None:
    values = (0.04, 9.94, 42.4, 59.6, 185, 3599.7, 7800)
    assert [format_seconds(value) for value in values] == [
        "0.0 s", "9.9 s", "42 s", "1 min 00 s", "3 min 05 s", "1 h 00 min", "2 h 10 min",
    ]  # fmt: skip


def test_interrupted_keeps_its_values() -> None:
    error = Interrupted(15, 7, "runs/x")
    assert (error.signum, error.step, error.directory) == (15, 7, "runs/x")
    assert str(error) == "stopped by signal 15 after update 7 in runs/x"


def test_sampled_texts_are_lines_that_cannot_steer_a_terminal() -> None:
    samples = [{"prompt": "The\n", "text": "king \x1b[31mis"}, {"prompt": "", "text": "x" * 201}]
    lines = plain(Sampled(step=3, samples=samples))
    assert lines == ['  "The\\n" -> king \\x1b[31mis', f'  "" -> {"x" * 200}...']
