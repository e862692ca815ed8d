"""What a reader raises when a file, not we, is at fault; the batch is blocked with it."""

from dataclasses import dataclass

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.storage import BatchDefect


@dataclass
class FileDefect(Exception):
    """A defect of a whole file. `detail` is said in English and Chinese and holds no cell's value."""

    code: str
    detail: str
    detail_zh: str
    file: str = ""
    row_no: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        row = f", row {self.row_no}" if self.row_no else ""
        field = f", field {self.field}" if self.field else ""
        return f"{self.code}: {self.file}{row}{field}: {self.detail}"

    def describe(self, catalog: Catalog, contract: Contract, level: str | None = None) -> BatchDefect:
        """Return the defect as manifests and return files hold it, worded by `catalog/defects.yml`."""
        entry = catalog.defects[self.code]
        field = contract.fields.get(self.field or "")  # none for the column 回执号, which is no field
        row_zh = f"，第 {self.row_no} 行" if self.row_no and "{row}" not in entry.message else ""
        detail = self.detail_zh + row_zh
        names = {
            "file": self.file,
            "row": self.row_no or "",
            "field": field.title if field else "",
            "detail": detail,
        }
        return BatchDefect(
            code=self.code,
            level=level or entry.level,
            file=self.file,
            row_no=self.row_no,
            field=self.field,
            message=str(self),
            message_zh=entry.message.format(**names),
            cure_zh=entry.cure.format(**names),
        )


def no_rows() -> FileDefect:
    """Return the defect of a file that holds nothing and does not say so."""
    return FileDefect("F06", "no rows and no nil declaration", "没有数据行，也没有零报告声明")
