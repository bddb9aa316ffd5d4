"""The wire format of Prometheus becomes samples, or one reason why not."""

from __future__ import annotations

import json
import math

import pytest

from decision_engine.observe.answer import read_answer
from decision_engine.observe.client import Endpoint, PrometheusClient
from decision_engine.observe.prometheus_source import joined
from decision_engine.observe.source import PrometheusUnavailable, Samples

SERVER = "http://127.0.0.1:9090"


def body(kind: str, result: object, **more: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def test_a_matrix_keeps_every_sample_with_its_own_time() -> None:
    (series,) = read_answer(
        body("matrix", [{"metric": {"device": "edge-01"}, "values": [[1.5, "0.25"], [6.5, "NaN"], [11.5, "+Inf"]]}]), SERVER
    )
    assert series.labels == {"device": "edge-01"}
    assert list(series.times) == [1.5, 6.5, 11.5]
    assert series.values[0] == 0.25
    assert math.isnan(series.values[1])
    assert series.values[2] == math.inf


def test_a_vector_is_one_sample_each() -> None:
    answer = read_answer(body("vector", [{"metric": {}, "value": [7, "1e-3"]}]), SERVER)
    assert answer == (Samples({}, (7.0,), (0.001,)),)


def test_an_empty_answer_is_an_answer() -> None:
    assert read_answer(body("vector", []), SERVER) == ()


WHOLE = body("matrix", [{"metric": {"device": "edge-01"}, "values": [[1.5, "0.25"]]}])


@pytest.mark.parametrize("length", range(0, len(WHOLE), 7))
def test_an_answer_that_was_cut_off_is_malformed(length: int) -> None:
    with pytest.raises(PrometheusUnavailable) as trouble:
        read_answer(WHOLE[:length], SERVER)
    assert trouble.value.reason_code == "prometheus_malformed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"<html>login</html>", "prometheus_malformed", id="html"),
        pytest.param(b"\xff\xfe\x00", "prometheus_malformed", id="not-utf8"),
        pytest.param(b"[]", "prometheus_malformed", id="another-shape"),
        pytest.param(body("scalar", [1, "2"]), "prometheus_malformed", id="scalar"),
        pytest.param(body("vector", [{"metric": {}, "value": [1, "many"]}]), "prometheus_malformed", id="not-a-number"),
        pytest.param(body("vector", [{"metric": {}}]), "prometheus_malformed", id="no-value"),
        pytest.param(body("vector", [], warnings=["store down"]), "prometheus_partial", id="partial"),
        pytest.param(b'{"status":"error","errorType":"timeout","error":"query timed\\nout"}', "prometheus_error", id="error"),
        pytest.param(b'{"status":"success"}', "prometheus_error", id="no-data"),
    ],
)
def test_what_cannot_be_believed_is_named(data: bytes, code: str) -> None:
    with pytest.raises(PrometheusUnavailable) as trouble:
        read_answer(data, SERVER)
    assert trouble.value.reason_code == code
    assert "\n" not in trouble.value.sentence


def test_freshness_is_joined_by_key_and_unknown_where_it_is_missing() -> None:
    values = (Samples({"device": "a"}, (100.0,), (1.0,)), Samples({"device": "b"}, (100.0,), (2.0,)))
    answer = joined(values, (Samples({"device": "a"}, (100.0,), (93.5,)),), "device")
    assert list(answer[0].times) == [93.5]
    assert math.isnan(answer[1].times[0])


@pytest.mark.parametrize("url", ["127.0.0.1:9090", "ftp://127.0.0.1/", "http://", ""])
def test_an_address_must_be_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="must be a URL"):
        PrometheusClient(Endpoint(url))


def test_no_credential_is_ever_shown() -> None:
    endpoint = Endpoint("http://reader:hunter2@127.0.0.1:9090/prom?token=hunter2")
    assert endpoint.shown == "http://127.0.0.1:9090/prom"
    assert "hunter3" not in repr(Endpoint("http://127.0.0.1:9090", token="hunter3"))
    with pytest.raises(ValueError, match="give one of them") as refusal:
        PrometheusClient(Endpoint("http://reader:hunter2@127.0.0.1:9090", token="hunter3"))
    assert "hunter" not in str(refusal.value)
