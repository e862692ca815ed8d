"""`build_release`: from the raw room to one published release, for one business date.

Runs when the collection of every dataset has closed for that date (asset events with the same partition
key), or on demand for any date. A held gate fails the run on purpose: somebody must look. Return files
are made all the same.
"""

from datetime import timedelta
from importlib import import_module

from airflow.providers.apache.spark.operators.spark_pyspark import PySparkOperator
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset, AssetAll, BaseOperator, PartitionedAssetTimetable, TriggerRule, task

from creditlake import steps

BUSINESS_DATE = "{{ dag_run.partition_key or dag_run.conf['business_date'] }}"
BUILD = "{{ ti.xcom_pull(task_ids='open_build') }}"


@task
def share_decoding(business_date: str) -> list[list[str]]:
    """Share the datasets with waiting batches among the decoding tasks."""
    return steps.share_decoding(business_date)


@task
def decode(datasets: list[str], business_date: str) -> dict[str, int]:
    """Turn these datasets' waiting raw batches into cells."""
    return steps.decode(business_date, datasets)


@task
def open_build(business_date: str) -> str:
    """Name the build; an unfinished one of the same date goes on."""
    return steps.open_build(business_date)


@task
def build_marts(business_date: str, build: str) -> dict[str, int]:
    """Build the candidate's tables in one dbt process."""
    return steps.build_marts(business_date, build)


@task(retries=0)
def gate(build: str) -> None:
    """Judge the candidate; a hold raises and names the report."""
    steps.gate(build)


@task
def serve(build: str) -> str:
    """Make the portal's and the analysts' files before the pointer moves."""
    return steps.serve(build)


@task
def publish(build: str) -> str:
    """Move the pointer."""
    return steps.publish(build)


@task(trigger_rule=TriggerRule.ALL_DONE)
def feedback(business_date: str, build: str) -> dict[str, int]:
    """Write the departments' return files, also when the gate holds."""
    return steps.feedback(business_date, build)


def spark_step(step: str, **arguments: str) -> BaseOperator:
    """Return the task of an application of row work: inside the task on DuckDB, else on the shared Spark
    server, or submitted with a JVM of its own.

    It runs also when nothing waited for decode, which skips the mapped task before it.
    """
    if steps.has_own_engine():
        return PythonOperator(
            task_id=step,
            python_callable=getattr(steps, step),
            op_kwargs=arguments,
            trigger_rule=TriggerRule.NONE_FAILED,
        )
    if steps.has_spark_server():
        run = import_module(f"spark_jobs.{step}").run
        return PySparkOperator(
            task_id=step,
            conn_id="spark_connect",
            python_callable=run,
            op_kwargs=arguments,
            trigger_rule=TriggerRule.NONE_FAILED,
        )
    return SparkSubmitOperator(
        task_id=step,
        conn_id="spark_default",
        application=steps.spark_application(step),
        application_args=steps.application_arguments(arguments),
        name=f"creditlake {step}",
        conf=steps.spark_conf(),
        env_vars=steps.spark_environment(),
        trigger_rule=TriggerRule.NONE_FAILED,
    )


catalog = steps.read_catalog()
with DAG(
    dag_id="build_release",
    schedule=PartitionedAssetTimetable(
        assets=AssetAll(
            *(
                Asset(name=c.name, uri=f"creditlake://raw/{c.department}/{c.dataset}")
                for c in catalog.contracts.values()
            )
        )
    ),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "data_platform", "retries": 1, "retry_delay": timedelta(minutes=2)},
    tags=["release"],
    doc_md=__doc__,
):
    decoded = decode.partial(business_date=BUSINESS_DATE).expand(datasets=share_decoding(BUSINESS_DATE))
    build = open_build(BUSINESS_DATE)
    standardise = spark_step("standardise", business_date=BUSINESS_DATE)
    link = spark_step("link", business_date=BUSINESS_DATE, build=BUILD)
    marts = build_marts(BUSINESS_DATE, build)
    judged = gate(build)
    decoded >> standardise >> build >> link >> marts >> judged
    judged >> serve(build) >> publish(build)
    [judged, marts] >> feedback(BUSINESS_DATE, build)
