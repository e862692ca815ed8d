#!/bin/bash
# The jars by which Spark reaches S3 (18 MB), by Maven coordinates, fetched with the Ivy that Spark
# itself brings. Left out: the 686 MB SDK bundle, and what Spark has already (slf4j, commons).
# Run environment.sh first. The first call takes half a minute, the next none.
source "$(dirname "$0")/common.sh"
source "$ROOT/var/environment"

HADOOP_VERSION=3.5.0 # the Hadoop of pyspark 4.3.0
SDK_VERSION=2.35.4 # the SDK that this hadoop-aws is built against

jars="$CREDITLAKE_S3_JARS"
wanted="hadoop-aws $HADOOP_VERSION, awssdk $SDK_VERSION"
if [ "$(cat "$jars/versions" 2> /dev/null)" = "$wanted" ]; then exit 0; fi

say "fetching $wanted into $jars"
draft="$jars.draft"
rm -rf "$draft"
mkdir -p "$draft"
trap 'rm -rf "$draft"' EXIT
cat > "$draft/ivy.xml" << END
<ivy-module version="2.0">
  <info organisation="creditlake" module="s3-jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
    <dependency org="org.apache.hadoop" name="hadoop-aws" rev="$HADOOP_VERSION" conf="default->runtime,master"/>
    <dependency org="software.amazon.awssdk" name="s3" rev="$SDK_VERSION" conf="default->runtime,master"/>
    <dependency org="software.amazon.awssdk" name="s3-transfer-manager" rev="$SDK_VERSION" conf="default->runtime,master"/>
    <dependency org="software.amazon.awssdk" name="sts" rev="$SDK_VERSION" conf="default->runtime,master"/>
    <exclude org="software.amazon.awssdk" module="bundle"/>
    <exclude org="org.slf4j"/>
    <exclude org="commons-logging"/>
    <exclude org="commons-codec"/>
  </dependencies>
</ivy-module>
END
cat > "$draft/ivysettings.xml" << END
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true" root="${CREDITLAKE_MAVEN:-https://repo.maven.apache.org/maven2/}"/></resolvers>
</ivysettings>
END
ivy=("$ROOT"/.venv/lib/python3.11/site-packages/pyspark/jars/ivy-*.jar)
[ -f "${ivy[0]}" ] || fail "Spark's Ivy is not in .venv" "infra/setup/environment.sh"
"$JAVA_HOME/bin/java" -Duser.home="$draft" -cp "${ivy[0]}" org.apache.ivy.Main -warn \
    -settings "$draft/ivysettings.xml" -ivy "$draft/ivy.xml" -cache "$draft/cache" -confs default -types jar \
    -retrieve "$draft/jars/[artifact]-[revision].[ext]" > "$draft/log" 2>&1 ||
    { tail -n 20 "$draft/log" >&2; fail "the jars could not be fetched; the lines above say why" "CREDITLAKE_MAVEN=https://your.mirror/maven2/ $0"; }
[ -f "$draft/jars/hadoop-aws-$HADOOP_VERSION.jar" ] && [ -f "$draft/jars/s3-$SDK_VERSION.jar" ] ||
    fail "Ivy ended well but brought no hadoop-aws and s3 jar"
echo "$wanted" > "$draft/jars/versions"
rm -rf "$jars"
mv "$draft/jars" "$jars"
say "$(find "$jars" -name '*.jar' | wc -l) jars in $jars"
