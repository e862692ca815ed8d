"""How Airflow's connections to an SQLite metadata database wait: named by `sql_alchemy_connect_args`."""

# SQLite has one writer at a time. The default wait of 5 s is shorter than a scheduler round on a busy
# machine, and who waits in vain is told "database is locked".
PATIENT = {"timeout": 60}
