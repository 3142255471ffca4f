"""OpenAI's Python client, unmodified, against a live Trestle."""
import asyncio
import os
import sys
import traceback

import openai
from pydantic import BaseModel

URL = os.environ["TRESTLE_URL"]
WORDS = "Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end."
HI = [{"role": "user", "content": "Hi"}]
KEY = os.environ["TRESTLE_API_KEY"]
client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
checks = []


def check(work):
    checks.append(work)
    return work


class Person(BaseModel):
    name: str
    age: int


@check
def chat():
    raw = client.chat.completions.with_raw_response.create(model="chat", messages=HI)
    assert raw.headers["x-trestle-variant"] == "gpt-4o-mini", raw.headers
    answer = raw.parse()
    assert answer.choices[0].message.content == "Hello."
    assert answer.usage.total_tokens == 15


@check
def streamed():
    text = ""
    for chunk in client.chat.completions.create(model="chat", messages=HI, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == WORDS, text


@check
def streamed_with_usage():
    chunks = list(
        client.chat.completions.create(
            model="chat", messages=HI, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == [] and chunks[-1].usage.prompt_tokens_details.cached_tokens == 1152


@check
def structured_output():
    answer = client.chat.completions.parse(model="chat", messages=HI, response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ada", age=36)


@check
def tools_and_pictures():
    answer = client.chat.completions.create(
        model="chat",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                ],
            }
        ],
        tools=[{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
    )
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"


@check
def embeddings():
    assert client.embeddings.create(model="chat", input="a").data[0].embedding == [0.25, -0.5, 0.125]
    plain = client.embeddings.create(model="chat", input="a", encoding_format="float")
    assert plain.data[0].embedding == [0.25, -0.5, 0.125]


@check
def completions():
    assert client.completions.create(model="chat", prompt="Once").choices[0].text == " upon a time"


@check
def responses():
    assert client.responses.create(model="chat", input="Hi").output_text == WORDS


@check
def over_an_anthropic_backend():
    answer = client.chat.completions.create(model="claude", messages=HI)
    assert answer.choices[0].message.content == "Hello."
    assert answer.usage.prompt_tokens == 109 and answer.usage.prompt_tokens_details.cached_tokens == 100
    text, finish = "", None
    for chunk in client.chat.completions.create(model="claude", messages=HI, stream=True):
        text += chunk.choices[0].delta.content or ""
        finish = chunk.choices[0].finish_reason or finish
    assert text == WORDS and finish == "tool_calls", (text, finish)


@check
def errors():
    for call, kind in [
        (lambda: client.chat.completions.create(model="none", messages=HI), openai.NotFoundError),
        (
            lambda: client.chat.completions.create(
                model="chat", messages=[{"role": "user", "content": "raise 400"}]
            ),
            openai.BadRequestError,
        ),
        (
            lambda: client.chat.completions.create(
                model="chat", messages=HI, extra_headers={"x-trestle-tag": "broke"}
            ),
            openai.RateLimitError,
        ),
    ]:
        try:
            call()
        except kind as error:
            assert error.body["message"], error.body
        else:
            raise AssertionError(f"no {kind.__name__}")


@check
def many_at_once():
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{URL}/openai/v1", api_key=KEY) as many:

            async def one():
                text = ""
                async for chunk in await many.chat.completions.create(model="chat", messages=HI, stream=True):
                    text += chunk.choices[0].delta.content or ""
                return text

            return await asyncio.gather(*(one() for _ in range(50)))

    assert asyncio.run(run()) == [WORDS] * 50


passed = failed = 0
for work in checks:
    try:
        work()
        passed += 1
        print(f"ok: python {work.__name__}")
    except Exception:
        failed += 1
        print(f"FAILED: python {work.__name__}")
        traceback.print_exc(file=sys.stdout)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
