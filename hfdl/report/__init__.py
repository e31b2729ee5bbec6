"""Reports: ``report.html`` of a run or of several side by side, and the model card ``README.md``.

All are functions of the files in the runs' folders alone, so they can be made again at any time.
A page is put together from sections; each looks at the record and answers with HTML or with None,
so a new task adds a section and changes none.
"""

from hfdl.report.card import write_model_card
from hfdl.report.compared.side_by_side import write_side_by_side
from hfdl.report.page import write_report
from hfdl.report.record import RunRecord, read_run

__all__ = ["RunRecord", "read_run", "write_model_card", "write_report", "write_side_by_side"]
