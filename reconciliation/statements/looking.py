"""Looks into a statement's file, before it is taken in or its layout saved. Pure."""

from dataclasses import dataclass, replace

from core.json import dumps
from reconciliation.formats.layouts import read_layout
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.preview import StatementPreview, preview
from reconciliation.formats.proposing import PROPOSED
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import is_ours
from reconciliation.formats.rows import StatementRefused, fault_of_file
from reconciliation.statements.layout_names import check_layout_name
from reconciliation.statements.preparing import is_vouched
from reconciliation.statements.preview_schemas import PreviewOut


def look(content: bytes, task: ReadingTask, layout: str) -> PreviewOut:
    """What a file would say, as it is answered: a million rows stay where they were read."""
    return PreviewOut.of(preview(content, task, layout))


@dataclass(frozen=True, slots=True)
class TriedLayout:
    """A layout with what it makes of its sample: its rows, and whether they are vouched for."""

    layout: Mapping
    rows: int
    vouched: bool


def tried(name: str, shown: StatementPreview) -> TriedLayout:
    """A layout that has read its sample, under its name. Pure.

    Raises `Invalid` for a name that is none or that is ours, and `StatementRefused` with every
    reason for which the sample is not read.
    """
    check_layout_name(name, taken=is_ours(name) or name == PROPOSED)
    if shown.faults:
        raise StatementRefused(list(shown.faults))
    if shown.file is None or shown.layout is None or not shown.file.rows:
        detail = "Mẫu không đọc được dòng nào của tệp này."
        raise StatementRefused([fault_of_file("no_rows", detail)])
    written = read_layout(dumps(shown.layout).decode())
    layout = replace(written, code=name)
    return TriedLayout(layout, len(shown.file.rows), is_vouched(shown.file))


def try_layout(content: bytes, task: ReadingTask, layout: str, name: str) -> TriedLayout:
    """A layout with what it makes of its sample; where a million rows are read they stay."""
    return tried(name, preview(content, task, layout))
