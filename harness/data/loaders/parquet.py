"""Columns of Parquet files, of any type."""

from typing import Any

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import Choose, Columns, FaultError


def read_parquet(source: Source, choose: Choose) -> Columns:
    """The columns that are needed, as Python values.

    Bytes are UTF-8 texts, decimals are texts with all their digits, and numbers of 32 bits have no more digits than
    they need.

    Raises:
        FaultError: bytes are not UTF-8; the message names the row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with source.binary() as opened:
        is_plain = source.kind == source.file.suffix.lower()
        file = pq.ParquetFile(opened if is_plain else pa.BufferReader(opened.read()))
        columns: Columns = {name: [] for name in choose(file.schema_arrow.names)}
        for batch in file.iter_batches(columns=list(columns)):  # a whole column would need its memory twice
            for name, values in columns.items():
                values += _values(batch.column(name), name, len(values))
    return columns


def _values(column: Any, name: str, rows_before: int) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):  # what pandas calls categorical
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.to_numpy(zero_copy_only=False).tolist()  # faster than to_pylist, with the same result
    values = column.to_pylist()
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):  # 0.1 in it is not 0.10000000149011612
        short = kind.to_pandas_dtype()
        return [None if value is None else float(str(short(value))) for value in values]
    if pa.types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in values]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [_decode(value, row, name) for row, value in enumerate(values, start=rows_before + 1)]
    return values


def _decode(value: bytes | None, row: int, name: str) -> str | None:
    try:
        return None if value is None else value.decode("utf8")
    except UnicodeDecodeError as error:
        what = f"row {row} has bytes in {name!r} that are not UTF-8 (byte {error.start})"
        raise FaultError(what, "save the column as UTF-8 text") from None
