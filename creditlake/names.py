"""Compare names of organisations and persons.

Two spellings of one name differ in width, brackets, blanks and the middle dot of minority and foreign names;
those are made equal. 有限公司 and 有限责任公司 are not: two companies may differ in nothing else.
"""

import re

from creditlake.normalise import normalisation

DOT_BETWEEN_HAN = re.compile(r"(?<=[一-鿿])\.(?=[一-鿿])")  # a middle dot typed as a full stop
MASKED_NAME = re.compile(r"[*某]|X{2,}|[一-鿿]X")  # × and lower-case x have become X


def normalise_name(name: str) -> str:
    """Return the form in which names are compared; never shown to anybody."""
    return DOT_BETWEEN_HAN.sub("", name.translate(normalisation().name_table))


def is_masked_name(name: str) -> bool:
    """Return whether the sender hid part of the name (张*, 张某某, 李××); such a name agrees with none.

    Latin letters are ordinary in names of organisations (艾X科技): only names of persons may be asked.
    """
    return MASKED_NAME.search(normalise_name(name)) is not None
