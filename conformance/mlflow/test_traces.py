"""Traces, assessments and OpenTelemetry with the real clients against a live Trestle."""

import json
import time

import mlflow
from mlflow.entities import AssessmentSource, Feedback, SpanType
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from client import URL, client, experiment, http, main, refused, unique


@mlflow.trace(span_type=SpanType.TOOL, attributes={"k": "v1"})
def add(a, b):
    return a + b


@mlflow.trace(name="question")
def ask(text):
    mlflow.update_current_trace(tags={"team": "search"}, metadata={"mlflow.trace.session": "s1"}, client_request_id="req-" + text)
    if text == "broken":
        raise ValueError("no answer")
    with mlflow.start_span("model", span_type=SpanType.CHAT_MODEL) as span:
        span.set_inputs({"q": text})
        span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12})
        span.add_event(mlflow.entities.SpanEvent("thought", attributes={"n": 1}))
        span.set_outputs({"a": text.upper()})
    return add(1, len(text))


def traced(*texts):
    ids = []
    for text in texts:
        try:
            ask(text)
        except ValueError:
            pass
        ids.append(mlflow.get_last_active_trace_id())
        time.sleep(0.01)
    mlflow.flush_trace_async_logging()
    return ids


def found(exp_id, text, **more):
    return [t.info.trace_id for t in mlflow.search_traces(locations=[exp_id], filter_string=text, return_type="list", **more)]


def check_a_trace_comes_back_as_it_was_made():
    _, exp_id = experiment()
    [id] = traced("héllo")
    trace = mlflow.get_trace(id)
    assert trace.info.experiment_id == exp_id and trace.info.state == "OK", trace.info
    assert trace.info.tags["team"] == "search" and trace.info.client_request_id == "req-héllo"
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s1"
    assert trace.info.token_usage == {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}, trace.info.token_usage
    assert trace.info.execution_duration is not None and trace.info.request_preview
    root, model, tool = trace.data.spans
    assert [root.name, model.name, tool.name] == ["question", "model", "add"]
    assert root.inputs == {"text": "héllo"} and root.outputs == 6
    assert model.span_type == SpanType.CHAT_MODEL and model.outputs == {"a": "HÉLLO"} and model.parent_id == root.span_id
    assert model.events[0].name == "thought" and model.events[0].attributes["n"] == 1
    assert tool.span_type == SpanType.TOOL and tool.inputs == {"a": 1, "b": 5}
    assert root.start_time_ns <= model.start_time_ns and root.end_time_ns >= tool.end_time_ns


def check_a_failed_trace_says_so():
    experiment()
    [id] = traced("broken")
    trace = mlflow.get_trace(id)
    assert trace.info.state == "ERROR"
    assert trace.data.spans[0].status.status_code == "ERROR" and trace.data.spans[0].events[0].name == "exception"


def check_traces_are_found_by_the_filter_grammar():
    _, exp_id = experiment()
    with mlflow.start_run() as run:
        a, b = traced("a", "bb")
    c, d = traced("ccc", "broken")
    mlflow.set_trace_tag(a, "kind", "x")
    mlflow.log_feedback(trace_id=a, name="good", value=True)
    mlflow.log_feedback(trace_id=b, name="good", value=False)
    mlflow.log_feedback(trace_id=b, name="score", value=0.75)
    mlflow.log_feedback(trace_id=c, name="tone", value="kind")
    mlflow.log_expectation(trace_id=c, name="answer", value="CCC")
    every = [d, c, b, a]
    cases = {
        "": every,
        "trace.status = 'OK'": [c, b, a],
        "status = 'ERROR'": [d],
        "attributes.status IN ('OK', 'ERROR')": every,
        "status != 'OK'": [d],
        "timestamp_ms > 0": every,
        "execution_time_ms >= 0": every,
        "execution_time > 1000000": [],
        "end_time_ms > 0 AND timestamp < 1": [],
        f"request_id = '{a}'": [a],
        "client_request_id LIKE 'req-b%'": [d, b],
        "client_request_id IN ('req-a', 'req-ccc')": [c, a],
        "trace.name = 'question'": every,
        "name ILIKE 'QUEST%'": every,
        "tags.kind = 'x'": [a],
        "tag.kind != 'x'": [],
        "tags.kind IS NULL": [d, c, b],
        "tags.kind IS NOT NULL": [a],
        "metadata.`mlflow.trace.session` = 's1'": every,
        "request_metadata.absent IS NULL AND status = 'ERROR'": [d],
        f"run_id = '{run.info.run_id}'": [b, a],
        "span.name = 'model' AND span.type = 'CHAT_MODEL'": [c, b, a],
        "span.type = 'TOOL' AND span.name = 'model'": [],
        "span.status = 'ERROR'": [d],
        "span.attributes.k LIKE '%v1%'": [c, b, a],
        "span.content LIKE '%CCC%'": [c],
        "trace.text LIKE '%BB%'": [b],
        "tags.team RLIKE '^sea.*h$'": every,
        "client_request_id RLIKE 'req-(a|bb)$'": [b, a],
        "feedback.good = 'true'": [a],
        "feedback.good IS NOT NULL": [b, a],
        "feedback.good IS NULL": [d, c],
        "feedback.score > 0.5": [b],
        "feedback.score <= 0.5": [],
        "feedback.tone = 'kind'": [c],
        "expectation.answer ILIKE '%ccc%'": [c],
    }
    for text, expected in cases.items():
        assert found(exp_id, text) == expected, (text, [every.index(i) for i in found(exp_id, text)])
    assert found(exp_id, "", order_by=["timestamp_ms ASC"]) == every[::-1]
    assert found(exp_id, "", order_by=["status ASC", "timestamp_ms ASC"]) == [d, a, b, c]
    assert found(exp_id, "", order_by=["tags.kind ASC"])[0] == a
    for text in ["status = 1", "foo = 'x'", "span.foo = 'x'", "feedback.score > '1'", "tags.a RLIKE '('", "name > 'a'", "a OR b", "trace.status LIKE"]:
        refused("INVALID_PARAMETER_VALUE", lambda: found(exp_id, text))
    pages, token = [], None
    while True:
        page = client.search_traces(locations=[exp_id], max_results=3, page_token=token)
        pages += [t.info.trace_id for t in page]
        token = page.token
        if not token:
            break
    assert pages == every


def check_feedback_is_given_changed_overridden_and_withdrawn():
    experiment()
    [id] = traced("x")
    source = AssessmentSource("HUMAN", "ann")
    first = mlflow.log_feedback(trace_id=id, name="good", value=True, source=source, rationale="because", metadata={"a": "1"})
    got = mlflow.get_assessment(id, first.assessment_id)
    assert got.value is True and got.rationale == "because" and got.source.source_id == "ann"
    mlflow.update_assessment(id, first.assessment_id, Feedback(name="good", value=False, rationale="no", metadata={"b": "2"}))
    got = mlflow.get_assessment(id, first.assessment_id)
    assert got.value is False and got.rationale == "no" and got.metadata == {"a": "1", "b": "2"}, got
    second = mlflow.override_feedback(trace_id=id, assessment_id=first.assessment_id, value="maybe")
    assert mlflow.get_assessment(id, first.assessment_id).valid is False
    assert {a.assessment_id for a in mlflow.get_trace(id).info.assessments} == {first.assessment_id, second.assessment_id}
    mlflow.delete_assessment(id, second.assessment_id)
    assert mlflow.get_assessment(id, first.assessment_id).valid is not False
    expected = mlflow.log_expectation(trace_id=id, name="facts", value={"list": [1, 2]})
    assert mlflow.get_assessment(id, expected.assessment_id).value == {"list": [1, 2]}
    refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.get_assessment(id, "a-nope"))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.log_feedback(trace_id="tr-" + "0" * 32, name="x", value=1))


def check_tags_and_deletion():
    _, exp_id = experiment()
    a, b, c = traced("a", "b", "c")
    mlflow.set_trace_tag(a, "k", "v")
    assert mlflow.get_trace(a).info.tags["k"] == "v"
    mlflow.delete_trace_tag(a, "k")
    assert "k" not in mlflow.get_trace(a).info.tags
    refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.delete_trace_tag(a, "k"))
    assert client.delete_traces(exp_id, trace_ids=[a]) == 1
    assert client.delete_traces(exp_id, max_timestamp_millis=int(time.time() * 1000), max_traces=1) == 1
    assert found(exp_id, "") == [c]


def check_an_opentelemetry_exporter_of_its_own_is_taken():
    _, exp_id = experiment()
    for compression in ("none", "gzip"):
        from opentelemetry.exporter.otlp.proto.http import Compression

        exporter = OTLPSpanExporter(
            endpoint=f"{URL}/v1/traces", headers={"x-mlflow-experiment-id": exp_id}, compression=Compression(compression)
        )
        provider = TracerProvider(resource=Resource.create({"service.name": unique("svc")}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("t")
        with tracer.start_as_current_span("outer") as outer:
            with tracer.start_as_current_span("chat gpt") as inner:
                inner.set_attribute("gen_ai.operation.name", "chat")
                inner.set_attribute("gen_ai.usage.input_tokens", 3)
                inner.set_attribute("gen_ai.usage.output_tokens", 4)
                inner.set_attribute("list", [1, 2])
        id = "tr-" + format(outer.get_span_context().trace_id, "032x")
        trace = mlflow.get_trace(id)
        assert trace.info.state == "OK" and trace.info.token_usage["total_tokens"] == 7, trace.info
        assert trace.info.tags["service.name"].startswith("svc-") and trace.info.tags["mlflow.traceName"] == "outer"
        assert [s.name for s in trace.data.spans] == ["outer", "chat gpt"]
        assert trace.data.spans[1].get_attribute("list") == [1, 2]
    assert len(found(exp_id, "span.type = 'CHAT_MODEL'")) == 2


def check_bad_exports_are_refused_at_once():
    _, exp_id = experiment()
    headers = {"x-mlflow-experiment-id": exp_id}
    json_type, proto = {"content-type": "application/json"}, {"content-type": "application/x-protobuf"}
    span = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"0102030405060708","name":"j"}]}]}]}'
    assert http("POST", "/v1/traces", (span % ("0a" * 16)).encode(), {**headers, **json_type})[0] == 200
    assert mlflow.get_trace("tr-" + "0a" * 16).data.spans[0].name == "j"
    for body, more in [
        (b"{}", json_type),
        (b"nope", json_type),
        (b"\xff\xff\xff", proto),
        (b"", proto),
        ((span % "zz").encode(), json_type),
        (b"x", {"content-type": "text/plain"}),
        (b"x", {**proto, "content-encoding": "gzip"}),
        (b"x", {**proto, "content-encoding": "br"}),
        (b"[" * 100_000, json_type),
    ]:
        status, _, answer = http("POST", "/v1/traces", body, {**headers, **more})
        assert status == 400 and b"error_code" in answer, (body[:40], status, answer)
    assert http("POST", "/v1/traces", (span % ("0b" * 16)).encode(), {"x-mlflow-experiment-id": "999999", **json_type})[0] == 404



def check_an_evaluation_dataset_is_made_filled_searched_and_deleted():
    from mlflow.genai import datasets

    exp_id = experiment()[1]
    name = unique("golden")
    made = datasets.create_dataset(name=name, experiment_id=[exp_id], tags={"team": "support"})
    made.merge_records(
        [
            {"inputs": {"question": "Where?", "n": 1}, "expectations": {"answer": "Here"}, "tags": {"kind": "easy"}},
            {"inputs": {"question": "When?"}, "outputs": {"answer": "Now"}},
        ]
    )
    made.merge_records([{"inputs": {"n": 1, "question": "Where?"}, "expectations": {"source": "map"}}])
    read = datasets.get_dataset(dataset_id=made.dataset_id)
    frame = read.to_df()
    where = frame[frame.inputs.map(lambda i: i["question"] == "Where?")].iloc[0]
    assert len(frame) == 2 and where.expectations == {"answer": "Here", "source": "map"}, frame
    assert json.loads(read.profile) == {"num_records": 2}
    assert json.loads(read.schema)["inputs"] == {"question": "string", "n": "integer"}
    datasets.set_dataset_tags(dataset_id=made.dataset_id, tags={"stage": "reviewed"})
    found = datasets.search_datasets(experiment_ids=[exp_id], filter_string="name LIKE 'golden%' AND tags.stage = 'reviewed'")
    assert [d.name for d in found] == [name]
    other = experiment()[1]
    datasets.add_dataset_to_experiments(dataset_id=made.dataset_id, experiment_ids=[other])
    datasets.remove_dataset_from_experiments(dataset_id=made.dataset_id, experiment_ids=[exp_id])
    assert datasets.get_dataset(dataset_id=made.dataset_id).experiment_ids == [other]
    assert read.delete_records([where.dataset_record_id]) == 1
    assert len(datasets.get_dataset(dataset_id=made.dataset_id).to_df()) == 1
    datasets.delete_dataset(dataset_id=made.dataset_id)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: datasets.get_dataset(dataset_id=made.dataset_id))


def check_a_scorer_is_registered_in_versions():
    from mlflow.genai.scorers import Guidelines, delete_scorer, get_scorer, list_scorers

    exp_id = experiment()[1]
    judge = Guidelines(name="polite", guidelines="The answer is polite.", model="openai:/gpt-4o-mini")
    judge.register(experiment_id=exp_id)
    Guidelines(name="polite", guidelines="The answer is very polite.", model="openai:/gpt-4o-mini").register(experiment_id=exp_id)
    assert [s.name for s in list_scorers(experiment_id=exp_id)] == ["polite"]
    assert get_scorer(name="polite", experiment_id=exp_id, version=1).guidelines == "The answer is polite."
    assert get_scorer(name="polite", experiment_id=exp_id).guidelines == "The answer is very polite."
    delete_scorer(name="polite", experiment_id=exp_id, version=2)
    assert get_scorer(name="polite", experiment_id=exp_id).guidelines == "The answer is polite."
    delete_scorer(name="polite", experiment_id=exp_id, version="all")
    assert list_scorers(experiment_id=exp_id) == []


main(globals())
