"""Names that are one and names that are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditlake.names import is_masked_name, normalise_name


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("绍兴（越城）商贸有限公司", "绍兴(越城)商贸有限公司"),
        ("绍兴 越城\u3000商贸\u00a0有限公司", "绍兴越城商贸有限公司"),
        ("阿卜杜拉·买买提", "阿卜杜拉•买买提"),
        ("阿卜杜拉·买买提", "阿卜杜拉・买买提"),
        ("阿卜杜拉·买买提", "阿卜杜拉买买提"),
        ("阿卜杜拉·买·提", "阿卜杜拉.买.提"),
        ("ＡＢＣ紡織厂", "abc纺织厂"),
        ("張國強", "张国强"),
        ("李\u200b四", "李四"),
    ],
)
def test_spellings_of_one_name_are_equal(left: str, right: str) -> None:
    assert normalise_name(left) == normalise_name(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("绍兴商贸有限公司", "绍兴商贸有限责任公司"),
        ("绍兴商贸有限公司", "绍兴商贸有限公司分公司"),
        ("绍兴(越城)商贸", "绍兴越城商贸"),
        ("王乾", "王干"),  # 乾 is also a character of simplified names
        ("于明", "於明"),  # two surnames
        ("V1.2科技", "V12科技"),  # a full stop between digits is none of the middle dots
    ],
)
def test_different_names_stay_different(left: str, right: str) -> None:
    assert normalise_name(left) != normalise_name(right)


@pytest.mark.parametrize("name", ["张*", "张**", "张＊三", "张某", "张某某", "李××", "李xx", "王X", "欧阳×"])
def test_masked_names_are_seen(name: str) -> None:
    assert is_masked_name(name)


@pytest.mark.parametrize("name", ["张三", "阿卜杜拉·买买提", "MAX LEE", "欧阳修", ""])
def test_whole_names_are_not_taken_for_masked_ones(name: str) -> None:
    assert not is_masked_name(name)


@given(st.text())
def test_normalising_a_name_twice_changes_nothing(name: str) -> None:
    assert normalise_name(normalise_name(name)) == normalise_name(name)
