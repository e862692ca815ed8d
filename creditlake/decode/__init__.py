"""Raw files → cells: every cell as text, with the row number an officer sees, nothing interpreted."""

from creditlake.decode.decode import (
    DECODE_STEP,
    DecodeError,
    decode_batch,
    decode_step_key,
    decode_waiting,
    list_decoded,
    share_waiting,
    weigh_waiting,
)

__all__ = [
    "DECODE_STEP",
    "DecodeError",
    "decode_batch",
    "decode_step_key",
    "decode_waiting",
    "list_decoded",
    "share_waiting",
    "weigh_waiting",
]
