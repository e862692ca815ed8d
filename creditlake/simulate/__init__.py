"""A synthetic city: registers and daily deliveries as real departments would send them, with the truth
beside them."""

from creditlake.simulate.engine import DeliveredFile, SimulationReport
from creditlake.simulate.rates import PUBLISHED
from creditlake.simulate.run import simulate_city
from creditlake.simulate.scenario import PlannedEvent, plan_demo_days

__all__ = [
    "PUBLISHED",
    "DeliveredFile",
    "PlannedEvent",
    "SimulationReport",
    "plan_demo_days",
    "simulate_city",
]
