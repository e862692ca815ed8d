"""`collect_<department>`: one DAG per department of the catalogue, one task for all its datasets.

A run stands for one business date, its partition key. The task leaves an asset event with that key for every
dataset, also on a day without a delivery, so that `build_release` knows that the collection is closed.
"""

from datetime import timedelta

from airflow.sdk import DAG, Asset, CronPartitionTimetable, PartitionedAtRuntime, task

from creditlake import steps
from creditlake.settings import settings

BUSINESS_DATE = "{{ dag_run.partition_key or dag_run.conf['business_date'] }}"


@task
def collect(department: str, business_date: str) -> dict[str, int]:
    """Bring what the department has delivered into the raw room."""
    return steps.collect_department(department, business_date)


catalog = steps.read_catalog()
for department in catalog.departments.values():
    contracts = [c for c in catalog.contracts.values() if c.department == department.code]
    if not contracts:
        continue
    hour, minute = max(c.delivery.due_by for c in contracts).split(":")
    with DAG(
        dag_id=f"collect_{department.code}",
        schedule=CronPartitionTimetable(
            f"{int(minute)} {int(hour)} * * *", timezone="Asia/Shanghai", key_format="%Y-%m-%d"
        )
        if settings().collect_on_schedule
        else PartitionedAtRuntime(),
        catchup=False,
        max_active_runs=1,
        default_args={
            "owner": contracts[0].owner,
            "retries": 2,
            "retry_delay": timedelta(minutes=5),
        },
        tags=["collect", f"department:{department.code}"],
        doc_md=f"Collect the deliveries of {department.name_zh}. A file that cannot be taken stays in the "
        "inbox and is named in the notices; nothing here changes the inbox. "
        "Runbook: infra/runbooks/collect.md",
    ):
        outlets = [Asset(name=c.name, uri=f"creditlake://raw/{c.department}/{c.dataset}") for c in contracts]
        collect.override(outlets=outlets)(department.code, BUSINESS_DATE)
