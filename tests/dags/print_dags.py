"""Print what Airflow reads from a DAG folder as JSON; run in a process with Airflow's environment."""

import json
import sys

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization


def describe(dag):
    """Return what the policy tests ask of a DAG; raises for one that the scheduler could not store."""
    DagSerialization.serialize_dag(dag)
    tasks = {
        task.task_id: {
            "retries": task.retries,
            "type": task.task_type,
            "downstream": sorted(task.downstream_task_ids),
            "outlets": sorted(outlet.name for outlet in task.outlets),
            "rule": task.trigger_rule.value,
        }
        for task in dag.tasks
    }
    return {
        "owner": dag.owner,
        "tags": sorted(dag.tags),
        "doc": dag.doc_md or "",
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "timetable": type(dag.timetable).__name__,
        "tasks": tasks,
    }


bag = DagBag(sys.argv[1])
read = {"errors": bag.import_errors, "dags": {dag.dag_id: describe(dag) for dag in bag.dags.values()}}
sys.stdout.write("DAGS" + json.dumps(read) + "\n")
