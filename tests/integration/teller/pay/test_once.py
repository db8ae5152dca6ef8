"""No payment twice: killed at every step, its disk restored, its answers lost, Horizon behind, another machine with the same key.

The steps of a payment are enumerated, with each fault at each, and each pair of faults at each pair; longer stories are made up by
hypothesis. After any story the payment is made, in the end, and once.
"""

from collections.abc import Mapping
from decimal import Decimal
from itertools import product

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.steward.teller.anchors.ledger import Applied, Memo, Order, Payment

from .world import Disk, Fault, Ledger, Machine

PERIOD = Order("payback/1", Payment("GCREDITOR", Decimal("12.34"), "EUR:GISSUER"), Memo.hash(bytes(range(32))), 249_000)
ANCHOR = Order("anchor/1", Payment("GHOUSE", Decimal("0.0000001")), Memo.text("IPFSHASH: Qm"), 249_000)
PATIENCE = 120
"""Attempts after the last fault until the payment must be there; each takes a minute."""


async def _live(script: Mapping[int, Fault], *orders: Order, stop_after: int = PATIENCE) -> Machine:
    """Live through a script; the payments are made, each once, at its end."""
    ledger, disk = Ledger(), Disk()
    quiet: dict[int, Fault] = {}

    async def nobody() -> None:
        raise AssertionError

    async def twin() -> None:
        await other.once.advance(orders[0])

    other = Machine(ledger, Disk(), quiet, nobody)
    machine = Machine(ledger, disk, script, twin)
    for _ in range(stop_after):
        await machine.go_on(orders)
        for order in orders:
            assert len(ledger.paid(order.memo)) <= 1
        if machine.steps > max(script, default=0) and all(ledger.paid(order.memo) for order in orders):
            break
    ledger.close(1000)  # whatever is still in a queue gets its chance
    for _ in range(3):
        await machine.go_on(orders)
    for order in orders:
        (paid,) = ledger.paid(order.memo)
        outcome = await machine.once.advance(order)
        assert isinstance(outcome, Applied)
        assert outcome.hash == paid.hash
    return machine


async def _steps(*orders: Order) -> int:
    """Count the steps of a payment that nothing happens to."""
    return (await _live({}, *orders)).steps


async def test_every_fault_at_every_step() -> None:
    """One fault, also in a step that only follows from it."""
    steps = await _steps(PERIOD) + 4
    met = set()
    for step, fault in product(range(1, steps + 1), Fault):
        machine = await _live({step: fault}, PERIOD)
        met.update(machine.faults)
    assert met == set(Fault)


async def test_every_pair_of_faults() -> None:
    """Two faults, at each two of the first steps; those that most steps can't tell apart are one here."""
    steps = await _steps(PERIOD)
    different = [fault for fault in Fault if fault not in (Fault.ERROR, Fault.FULL)]
    for first, distance in product(range(1, steps + 1), range(1, 9)):
        for faults in product(different, repeat=2):
            await _live(dict(zip((first, first + distance), faults, strict=True)), PERIOD)


@settings(max_examples=300, deadline=None)
@given(script=st.dictionaries(st.integers(1, 60), st.sampled_from(Fault), max_size=30))
async def test_long_stories(script: dict[int, Fault]) -> None:
    """Up to thirty faults."""
    await _live(script, PERIOD)


@settings(max_examples=200, deadline=None)
@given(script=st.dictionaries(st.integers(1, 80), st.sampled_from(Fault), max_size=12))
async def test_an_account_that_anchors_as_well(script: dict[int, Fault]) -> None:
    """Two orders of one account take turns."""
    await _live(script, PERIOD, ANCHOR)


@pytest.mark.parametrize("fault", [Fault.RESTORE, Fault.KILL_AFTER])
async def test_a_payment_that_was_forgotten_is_found(fault: Fault) -> None:
    """After a restore nothing is signed for what the ledger has."""
    machine = await _live({}, PERIOD)
    machine.disk.data = {}
    machine.boot()
    signed = set(machine.signed)
    machine.script = {machine.steps + 2: fault}
    for _ in range(4):
        await machine.go_on([PERIOD])
    assert set(machine.signed) == signed
