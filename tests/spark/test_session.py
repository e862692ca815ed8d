"""What every Spark application shares: functions of the JVM are looked up once."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.on_spark import Remembered, remember_functions

pytestmark = pytest.mark.spark


class Counted:
    """A JVM class that counts how often it is asked for a function."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        return lambda text: f"{name}({text})"


def test_a_function_is_looked_up_once_and_answers_as_before() -> None:
    java_class = Counted()
    remembered = Remembered(java_class)
    assert [remembered.upper("a"), remembered.lower("b"), remembered.upper("c")] == [
        "upper(a)",
        "lower(b)",
        "upper(c)",
    ]
    assert java_class.asked == ["upper", "lower"]


def test_pyspark_finds_the_remembered_functions_by_both_of_its_ways(spark: SparkSession) -> None:
    remember_functions(spark)
    jvm = spark.sparkContext._jvm
    assert isinstance(jvm.functions, Remembered)
    assert getattr(jvm, "org.apache.spark.sql.functions") is jvm.functions
    row = spark.range(1).select(F.upper(F.lit("a")), F.concat_ws("-", F.lit("b"), F.lit("c"))).first()
    assert row is not None
    assert tuple(row) == ("A", "b-c")
    assert {"upper", "lit", "concat_ws"} <= set(vars(jvm.functions))
