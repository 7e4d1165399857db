"""Every attack of the suite, one module per part of the threat list."""

from tests.sandbox.attacks.cases import files, isolation, kernel, network, processes, resources, results

MODULES = (files, processes, kernel, network, resources, results, isolation)
ATTACKS = [attack for module in MODULES for attack in module.ATTACKS]
NAMED = {attack.name: attack for attack in ATTACKS}
