"""Anthropic's Python client, unmodified, against a live Trestle."""
import os
import sys
import traceback

import anthropic

URL = os.environ["TRESTLE_URL"]
WORDS = "Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end."
HI = [{"role": "user", "content": "Hi"}]
client = anthropic.Anthropic(base_url=URL, api_key=os.environ["TRESTLE_API_KEY"], max_retries=0)
checks = []


def check(work):
    checks.append(work)
    return work


@check
def message():
    answer = client.messages.create(model="claude", max_tokens=100, messages=HI)
    assert answer.content[0].text == "Hello."
    assert answer.usage.cache_read_input_tokens == 100
    assert answer._request_id.startswith("req_"), answer._request_id


@check
def streamed():
    with client.messages.stream(model="claude", max_tokens=100, messages=HI) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == WORDS
    assert final.usage.output_tokens == 65 and final.stop_reason == "tool_use"
    assert final.content[1].input == {"city": "Paris"}


@check
def over_an_openai_backend():
    answer = client.messages.create(model="chat", max_tokens=100, system="Be brief.", messages=HI)
    assert answer.content[0].text == "Hello." and answer.usage.input_tokens == 12
    with client.messages.stream(model="chat", max_tokens=100, messages=HI) as stream:
        assert "".join(stream.text_stream) == WORDS
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 10 and final.usage.cache_read_input_tokens == 1152


@check
def tools_over_an_openai_backend():
    tools = [{"name": "weather", "description": "w", "input_schema": {"type": "object"}}]
    with client.messages.stream(model="chat", max_tokens=100, messages=HI, tools=tools) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    assert final.content[0].name == "weather" and final.content[0].input == {"city": "Paris"}


@check
def errors():
    try:
        client.messages.create(model="none", max_tokens=1, messages=HI)
    except anthropic.NotFoundError as error:
        assert error.body["error"]["type"] == "not_found_error", error.body
    else:
        raise AssertionError("no NotFoundError")
    try:
        client.messages.create(model="chat", max_tokens=1, messages=[{"role": "user", "content": "raise 400"}])
    except anthropic.BadRequestError as error:
        assert error.body["error"]["message"] == "temperature is too high", error.body
    else:
        raise AssertionError("no BadRequestError")


passed = failed = 0
for work in checks:
    try:
        work()
        passed += 1
        print(f"ok: anthropic {work.__name__}")
    except Exception:
        failed += 1
        print(f"FAILED: anthropic {work.__name__}")
        traceback.print_exc(file=sys.stdout)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
