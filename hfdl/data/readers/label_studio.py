"""Label Studio's JSON export: tasks with their data and the annotations of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.data.readers.reading import Reading
from hfdl.data.table import Table, columns_of_rows, counted
from hfdl.errors import DataError

_LABELS = ("labels", "hypertextlabels")


def is_label_studio(content: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows are tasks: each has its data, and a list of annotations or predictions."""
    return bool(content) and all(
        isinstance(task.get("data"), dict)
        and (
            isinstance(_annotations(task), list)
            or ("predictions" in task and _annotations(task) is None)
        )
        for task in content
    )


def rows_of_label_studio(
    content: Sequence[Mapping[str, Any]], source: str, reading: Reading
) -> Table:
    """A row a task: its data, and what its annotation says, under the name of the control too.

    Choices become the label, labelled regions the spans. Annotations that were cancelled are left
    out, and so are tasks that have no others; a task that nobody annotated is a row without a
    label. Predictions are not read, nor are other controls, such as ratings and taxonomies; where
    nothing else is there, the table's advice says so. Annotations that differ only in their order
    or in whether they repeat the text of a region are one.

    Raises:
        DataError: two annotations of a task that differ, or one in another form than Label
            Studio writes.
    """
    for number, task in enumerate(content, start=1):
        _check_form(_annotations(task) or [], f"{source}, row {number}")
    rows: list[dict[str, Any]] = []
    places: list[str] = []
    cancelled = 0
    controls = _controls(content)
    for number, task in enumerate(content, start=1):
        where = f"{source}, row {number}"
        annotations = _annotations(task) or []
        valid = [one for one in annotations if not one.get("was_cancelled")]
        if annotations and not valid:
            cancelled += 1
            continue
        results = [_answers(one.get("result") or [], controls) for one in valid]
        if any(_bare(other) != _bare(results[0]) for other in results[1:]):
            raise _disagreement(len(results), where, task)
        # Of annotations that say the same, the one whose regions give their text, to be checked.
        answers = max(results, key=_texts, default=dict.fromkeys(controls))
        rows.append({**task["data"], **_named(answers, controls, reading)})
        places.append(where)
    # Where a value is a list in one row it is in all.
    columns = {name: _alike(values) for name, values in columns_of_rows(rows).items()}
    left = f"{counted(cancelled, 'task')} left out: annotation cancelled" if cancelled else None
    # Tasks have no lines; the place of each is its own, since some are left out.
    advice = None if controls else _nothing_read(content)
    return Table(source, columns, files=places, advice=advice).noted(left)


def _check_form(annotations: list[Any], where: str) -> None:
    """Refuse annotations that are not made as Label Studio makes them.

    Raises:
        DataError: naming the part.
    """
    for one in annotations:
        result = _part(one, dict, "an annotation", where).get("result")
        for item in _part(result or [], list, "result", where):
            if _kind(_part(item, dict, "an item of result", where)) is None:
                continue
            value = _part(item.get("value") or {}, dict, "value", where)
            for key in ("choices", *_LABELS):
                for name in _part(value.get(key) or [], list, key, where):
                    _part(name, str, f"an item of {key}", where)


def _part(found: Any, kind: type, name: str, where: str) -> Any:
    if isinstance(found, kind):
        return found
    words = {dict: "an object", list: "a list", str: "a text"}
    raise DataError(
        f"{name} is {type(found).__name__}",
        where=where,
        rule=f"in an export of Label Studio it is {words[kind]}",
        remedy="export it again as JSON",
    )


def _annotations(task: Mapping[str, Any]) -> Any:
    return task.get("annotations", task.get("completions"))  # completions: before version 1


def _controls(content: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each control of the labelling page gives: ``choices`` or ``spans``."""
    controls: dict[str, str] = {}
    for task in content:
        for annotation in _annotations(task) or []:
            for item in annotation.get("result") or []:
                kind = _kind(item)
                if kind:
                    controls[str(item.get("from_name", kind))] = kind
    return controls


def _kind(item: Mapping[str, Any]) -> str | None:
    if item.get("type") == "choices":
        return "choices"
    return "spans" if item.get("type") in _LABELS else None


def _answers(
    result: Sequence[Mapping[str, Any]], controls: Mapping[str, str]
) -> dict[str, list[Any]]:
    """What an annotation says, by control; regions in the order of the text."""
    answers: dict[str, list[Any]] = {name: [] for name in controls}
    for item in result:
        kind, value = _kind(item), item.get("value") or {}
        if kind == "choices":
            answers[str(item.get("from_name", kind))] += value.get("choices") or []
        elif kind == "spans":
            spans = answers[str(item.get("from_name", kind))]
            names = value.get("labels") or value.get("hypertextlabels") or []
            spans += [
                {
                    "start": value.get("start"),
                    "end": value.get("end"),
                    "label": name,
                    "text": value.get("text"),
                }
                for name in names or [None]
            ]
    return {
        name: sorted(found, key=str) if controls[name] == "choices" else sorted(found, key=_place)
        for name, found in answers.items()
    }


def _bare(answers: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The answers without the texts of regions, which not every tool writes."""
    return {
        name: [_place(one) if isinstance(one, Mapping) else one for one in found]
        for name, found in answers.items()
    }


def _texts(answers: Mapping[str, list[Any]]) -> int:
    items = [one for found in answers.values() for one in found if isinstance(one, Mapping)]
    return sum(one["text"] is not None for one in items)


def _nothing_read(content: Sequence[Mapping[str, Any]]) -> str:
    """What to do where no task has a choice or a labelled region."""
    items = [
        item
        for task in content
        for annotation in _annotations(task) or []
        for item in annotation.get("result") or []
    ]
    kinds = sorted({str(item.get("type")) for item in items if item.get("type") != "relation"})
    if kinds:
        return f"of Label Studio's controls choices and labels are read, not {', '.join(kinds)}"
    if any(task.get("predictions") for task in content):
        return (
            "these tasks of Label Studio have predictions and no annotations; what a person has "
            "not submitted is not read: submit them, and export again"
        )
    return "no task of Label Studio is annotated here"


def _place(span: Mapping[str, Any]) -> tuple[int, int, str]:
    start, end = span["start"], span["end"]
    return (
        start if type(start) is int else -1,
        end if type(end) is int else -1,
        str(span["label"]),
    )


def _named(
    answers: Mapping[str, Any], controls: Mapping[str, str], reading: Reading
) -> dict[str, Any]:
    """The answers under the names of their controls and, of the only control of its kind, under
    that of the column that a task reads.
    """
    kinds = Counter(controls.values())
    named: dict[str, Any] = {}
    for name, found in answers.items():
        kind = controls[name]
        value = found or None if kind == "choices" else found
        named[name] = value
        if kinds[kind] == 1:
            named[reading.label if kind == "choices" else reading.spans] = value
    return named


def _alike(values: list[Any]) -> list[Any]:
    """Lists of one text each as the texts."""
    lists = [value for value in values if isinstance(value, list)]
    if lists and all(len(value) == 1 and isinstance(value[0], str) for value in lists):
        return [value[0] if isinstance(value, list) else value for value in values]
    return values


def _disagreement(number: int, where: str, task: Mapping[str, Any]) -> DataError:
    return DataError(
        f"{number} annotations that differ (task {task.get('id', '?')})",
        where=where,
        rule="a text has one label, or one set of spans",
        remedy="keep one of them, or cancel the others",
    )
