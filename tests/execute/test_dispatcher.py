"""The dispatcher: orders become actions with lasting ids, run at once where they may, and every failure becomes a receipt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from actuators.api import Action, Actuator, Outcome, Receipt
from decision_engine.core.memory import Memory, ReceiptNote, remember
from decision_engine.core.orders import Order
from decision_engine.execute.addressing import action_id
from decision_engine.execute.dispatcher import Dispatcher, Observed, TimeLimits
from tests.builders.execute import MemoryActuator, Step, order, play, two_cluster_catalog, unreachable
from tests.builders.fleet import NOW

CATALOG = two_cluster_catalog()
TURNS_TO_SETTLE = 50
"""Turns of the event loop after which every task of these small tests waits for something or has ended."""


async def settle() -> None:
    for _ in range(TURNS_TO_SETTLE):
        await asyncio.sleep(0)


def sent(actuators: dict[str, MemoryActuator], *orders: Order, limits: TimeLimits | None = None) -> tuple[ReceiptNote, ...]:
    record = asyncio.run(Dispatcher(actuators, limits).dispatch(orders, CATALOG, NOW))
    assert record.at == NOW
    return record.receipts


def test_an_order_becomes_an_action_with_all_that_its_actuator_needs() -> None:
    right = MemoryActuator()
    assert sent({"right": right}, order("edge-02")) == (ReceiptNote("m1", "start", "accepted", ""),)
    (action,) = right.actions
    assert action == Action(
        id="m1:start:detector/cam-01/main@edge-02#2",
        verb=action.verb,
        placement="detector/cam-01/main@edge-02#2",
        workload="detector/cam-01/main",
        device="edge-02",
        node="jetson-b",
        environment_class="01",
        version="1.10",
        artefact="registry/detector:1.10",
    )


def test_a_repeated_order_has_the_same_id_and_one_effect() -> None:
    left = MemoryActuator()
    dispatcher = Dispatcher({"left": left})
    receipts = [asyncio.run(dispatcher.dispatch([order()], CATALOG, NOW + n)).receipts[0].outcome for n in range(3)]
    assert receipts == ["accepted", "already", "already"]
    assert len({action.id for action in left.actions}) == 1
    assert len(left.running) == 1


def test_ids_tell_verbs_placements_and_moves_apart() -> None:
    orders = [order(), order(verb="stop"), order("edge-02"), order(generation=3), replace(order(), move_id="m2")]
    assert len({action_id(one) for one in orders}) == len(orders)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        pytest.param(order("edge-99"), "device edge-99 is not in the catalogue", id="device"),
        pytest.param(order("edge-04"), "cluster nowhere of edge-04 is not in the catalogue", id="cluster"),
        pytest.param(order("edge-03"), "served by actuator absent, which is not configured", id="actuator"),
        pytest.param(order(workload="detector/cam-77/main"), "workload detector/cam-77/main is not in the catalogue", id="workload"),
        pytest.param(order(workload="counter/cam-01/main"), "no active version of counter for class 01", id="version"),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused(wrong: Order, sentence: str) -> None:
    left = MemoryActuator()
    refused, other = sent({"left": left}, wrong, order())
    assert (refused.outcome, other.outcome) == ("refused", "accepted")
    assert sentence in refused.detail
    assert len(left.actions) == 1


def test_a_stop_needs_no_version() -> None:
    assert sent({"left": MemoryActuator()}, order(verb="stop", workload="counter/cam-01/main"))[0].outcome == "already"


def test_actuators_work_at_once_and_receipts_keep_the_order_of_the_orders() -> None:
    async def run() -> None:
        left, right = MemoryActuator(open=asyncio.Event()), MemoryActuator(open=asyncio.Event())
        task = asyncio.create_task(Dispatcher({"left": left, "right": right}).dispatch([order(), order("edge-02")], CATALOG, NOW))
        await settle()
        assert len(left.actions) == len(right.actions) == 1
        assert left.open is not None
        assert right.open is not None
        right.open.set()
        await settle()
        assert len(right.log) == 2
        assert not task.done()
        left.open.set()
        assert [receipt.outcome for receipt in (await task).receipts] == ["accepted", "accepted"]

    asyncio.run(asyncio.wait_for(run(), 5.0))


def test_orders_for_one_placement_go_one_after_the_other() -> None:
    left = MemoryActuator(open=asyncio.Event())

    async def run() -> None:
        assert left.open is not None
        orders = [order(), order(verb="stop"), order(workload="detector/cam-02/main")]
        task = asyncio.create_task(Dispatcher({"left": left}).dispatch(orders, CATALOG, NOW))
        await settle()
        assert [action.verb.value for action in left.actions] == ["start", "start"]
        left.open.set()
        await task

    asyncio.run(asyncio.wait_for(run(), 5.0))
    start, stop = action_id(order()), action_id(order(verb="stop"))
    assert [line for line in left.log if "cam-01" in line] == [f"in {start}", f"out {start}", f"in {stop}", f"out {stop}"]


def test_a_silent_actuator_fails_in_time_and_holds_up_no_other() -> None:
    left, right = MemoryActuator(open=asyncio.Event()), MemoryActuator()
    limits = TimeLimits(act_by_actuator={"left": 0.0})
    late, good = sent({"left": left, "right": right}, order(), order("edge-02"), limits=limits)
    assert (late.outcome, good.outcome) == ("failed", "accepted")
    assert late.detail == "order to start detector/cam-01/main@edge-01#2: actuator left did not answer within 0 s"
    assert left.running == {}


@pytest.mark.parametrize(
    ("actuator", "sentence"),
    [
        pytest.param(unreachable("connection refused"), "actuator left is unreachable: connection refused", id="unreachable"),
        pytest.param(unreachable(""), "actuator left is unreachable: it gave no reason", id="unreachable-silent"),
        pytest.param(MemoryActuator(error=KeyError("items")), "actuator left failed: KeyError: 'items'", id="bug"),
        pytest.param(MemoryActuator(error=TimeoutError("inner")), "actuator left failed: TimeoutError: inner", id="its-own-timeout"),
        pytest.param(MemoryActuator(error=ValueError("a\nb" + "x" * 9999)), "actuator left failed: ValueError: a b" + "x" * 297, id="long"),
    ],
)
def test_every_failure_becomes_a_receipt_and_an_unknown(actuator: MemoryActuator, sentence: str) -> None:
    (receipt,) = sent({"left": actuator}, order())
    assert receipt == ReceiptNote("m1", "start", "failed", f"order to start detector/cam-01/main@edge-01#2: {sentence}")
    observed = asyncio.run(Dispatcher({"left": actuator}).placements())
    assert observed == Observed((), {"left": sentence})


def test_placements_of_all_who_answer_and_the_names_of_those_who_do_not() -> None:
    async def run() -> Observed:
        left, right = MemoryActuator(), MemoryActuator()
        both = Dispatcher({"left": left, "right": right})
        await both.dispatch([order("edge-02"), order()], CATALOG, NOW)
        late = MemoryActuator(open=asyncio.Event())
        limits = TimeLimits(list_by_actuator={"late": 0.0})
        return await Dispatcher({"right": right, "gone": unreachable(), "late": late, "left": left}, limits).placements()

    observed = asyncio.run(run())
    assert [placement.placement for placement in observed.placements] == [
        "detector/cam-01/main@edge-01#2",
        "detector/cam-01/main@edge-02#2",
    ]
    assert observed.unreachable == {
        "gone": "actuator gone is unreachable: connection refused",
        "late": "actuator late did not answer within 0 s",
    }


def test_a_refusal_by_the_actuator_reaches_the_memory_of_the_move() -> None:
    class Refusing(MemoryActuator):
        async def act(self, action: Action) -> Receipt:
            return Receipt(action.id, Outcome.REFUSED, "the image is not on this device")

    (begun,) = [t for cycle in list(play((Step(hot=frozenset({0})),) * 2)) for t in cycle.record.transitions]
    assert begun.order is not None
    memory = Memory(moves={begun.move.order.workload: begun.move})
    record = asyncio.run(Dispatcher({"right": Refusing()}).dispatch([begun.order], CATALOG, NOW))
    assert remember(memory, record).moves[begun.move.order.workload].refused == "the image is not on this device"


def test_nothing_to_send_is_an_empty_receipt() -> None:
    assert sent({}) == ()


def test_closing_reaches_every_actuator_also_past_a_failing_one() -> None:
    broken, good = unreachable(), MemoryActuator()
    actuators: dict[str, Actuator] = {"broken": broken, "good": good}
    asyncio.run(Dispatcher(actuators).close())
    assert broken.closed
    assert good.closed
