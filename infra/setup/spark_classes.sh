#!/bin/bash
# The classes that Spark's JVM loads, as one archive which every later JVM maps instead of reading and
# checking ten thousand classes from jars: a sixth of a small day's CPU seconds. The first call takes two
# minutes, the next none; without the archive all works the same, only slower. Run environment.sh first.
source "$(dirname "$0")/common.sh"
source "$ROOT/var/environment"

archive="$CREDITLAKE_SPARK_CLASSES"
stamp="$archive.made_for"
spark=("$ROOT"/.venv/lib/python3.11/site-packages/pyspark/jars/spark-core_*.jar)
made_for="$("$JAVA_HOME/bin/java" -version 2>&1 | tail -n 1) ${spark[0]}"
if [ -f "$archive" ] && [ "$(cat "$stamp" 2> /dev/null)" = "$made_for" ]; then exit 0; fi

say "archiving Spark's classes (both Spark steps run once on a tiny city, two minutes)"
home="$(mktemp -d "$TOOLS/spark-classes.XXXXXX")"
trap 'rm -rf "$home"' EXIT
rm -f "$archive"
day=2026-11-16
cd "$ROOT"
{
    export CREDITLAKE_HOME="$home" CREDITLAKE_INBOX="$home/city/inbox_by_day/$day" CREDITLAKE_SUBJECT_KEY=tiny
    unset CREDITLAKE_LAKE
    creditlake simulate "$home/city" --legal 120 --natural 300 --records 800 --no-plain --day "$day"
    creditlake collect --business-date "$day"
    creditlake decode --business-date "$day"
    CREDITLAKE_SPARK_JAVA_OPTIONS="-XX:ArchiveClassesAtExit=$home/classes.jsa" \
        python "$ROOT/infra/setup/load_spark_classes.py" "$home/server.log" "$day"
} > "$home/log" 2>&1 || { tail -n 20 "$home/log" >&2; fail "Spark's steps failed on the tiny city; the lines above say why"; }
if [ -f "$home/classes.jsa" ]; then
    mv "$home/classes.jsa" "$archive"
    echo "$made_for" > "$stamp"
else
    say "this Java archives no classes; Spark starts a few seconds slower"
fi
