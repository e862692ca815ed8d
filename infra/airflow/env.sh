# Environment of every Airflow process of this installation; source it from the repository's root.
# Everything Airflow writes stays under CREDITLAKE_HOME; nothing leaves this machine.
CREDITLAKE_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export CREDITLAKE_HOME="${CREDITLAKE_HOME:-$CREDITLAKE_ROOT/var}"
export PATH="$CREDITLAKE_ROOT/.venv/bin:$PATH"
export PYTHONPATH="$CREDITLAKE_ROOT${PYTHONPATH:+:$PYTHONPATH}"  # spark_jobs and creditlake in Spark's driver too
export AIRFLOW_HOME="$CREDITLAKE_HOME/airflow"
export AIRFLOW__CORE__DAGS_FOLDER="$CREDITLAKE_ROOT/dags"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__EXECUTOR="${AIRFLOW__CORE__EXECUTOR:-LocalExecutor}"
export AIRFLOW__CORE__PARALLELISM="${AIRFLOW__CORE__PARALLELISM:-2}"  # two cores
# Tasks are forked from a process that has imported what they need, instead of importing it each.
export AIRFLOW__SCHEDULER__MP_START_METHOD=forkserver
export AIRFLOW__CORE__MP_FORKSERVER_PRELOAD=airflow.executors.local_executor,airflow.sdk.execution_time.task_runner,infra.airflow.preloaded
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$AIRFLOW_HOME/passwords.json"
export AIRFLOW__LOGGING__LOGGING_LEVEL="${AIRFLOW__LOGGING__LOGGING_LEVEL:-WARNING}"
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
# Where Spark runs comes from one setting; the provider reads it as its connection.
CREDITLAKE_SPARK_MASTER="${CREDITLAKE_SPARK_MASTER:-local[2]}"
export CREDITLAKE_SPARK_MASTER
export AIRFLOW_CONN_SPARK_DEFAULT="{\"conn_type\": \"spark\", \"host\": \"$CREDITLAKE_SPARK_MASTER\"}"
# A shared Spark server, if there is one: `sc://localhost:port`, and its token.
if [ -n "${CREDITLAKE_SPARK_REMOTE:-}" ]; then
    AIRFLOW_CONN_SPARK_CONNECT="{\"conn_type\": \"spark_connect\", \"host\": \"$CREDITLAKE_SPARK_REMOTE\", \"password\": \"$SPARK_CONNECT_AUTHENTICATE_TOKEN\"}"
    export AIRFLOW_CONN_SPARK_CONNECT
fi
export PYSPARK_PYTHON="$CREDITLAKE_ROOT/.venv/bin/python"
export PYSPARK_DRIVER_PYTHON="$PYSPARK_PYTHON"
export SPARK_LOCAL_IP=127.0.0.1
export DO_NOT_TRACK=1
export TZ=Asia/Shanghai
# Spark's S3 client reads the lake's credentials under these names, from the worker's environment only.
if [ -n "${CREDITLAKE_S3_ACCESS_KEY:-}" ]; then
    export AWS_ACCESS_KEY_ID="$CREDITLAKE_S3_ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$CREDITLAKE_S3_SECRET_KEY"
fi
