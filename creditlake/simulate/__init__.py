"""A synthetic city: registers and daily deliveries as real departments would send them, with the truth beside them."""

from creditlake.simulate.engine import DeliveredFile, SimulationReport
from creditlake.simulate.rates import PUBLISHED
from creditlake.simulate.run import simulate_city

__all__ = ["PUBLISHED", "DeliveredFile", "SimulationReport", "simulate_city"]
