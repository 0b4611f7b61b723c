"""A small shop whose shopping baskets are worth a trace."""

import random

from adhash.workloads import Recorder

baskets = Recorder({})  # records only under `adhash record`
chance = random.Random(7)
for _ in range(300):
    customer = int(chance.paretovariate(1.1)) % 100
    baskets[customer] = baskets.get(customer, 0) + 1
    if chance.random() < 0.2:
        baskets.pop(customer)
