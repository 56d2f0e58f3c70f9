"""Asks the model server as OpenAI's own client does: openai_client.py URL MODEL ADAPTER [TOKEN]. Exit code 0 when all is right."""

import concurrent.futures
import sys

import openai

url, model, adapter = sys.argv[1:4]
client = openai.OpenAI(base_url=f"{url}/v1", api_key=sys.argv[4] if len(sys.argv) > 4 else "none", max_retries=0)
messages = [{"role": "user", "content": "Count to five."}]

assert [m.id for m in client.models.list()] == [model, adapter]
assert client.models.retrieve(model).owned_by == "chain-of-edits"

# Greedy answers are equal, streamed or not, and usage adds up.
whole = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=24)
text = whole.choices[0].message.content
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
assert whole.usage.completion_tokens <= 24 and whole.choices[0].finish_reason in ("stop", "length")
pieces, usage, reason = [], None, None
for chunk in client.chat.completions.create(
    model=model, messages=messages, temperature=0, max_tokens=24, stream=True, stream_options={"include_usage": True}
):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        pieces.append(choice.delta.content or "")
        reason = choice.finish_reason or reason
assert "".join(pieces) == text, (pieces, text)
assert len(pieces) > 3 and usage == whole.usage and reason == whole.choices[0].finish_reason

# Seeds decide.
def draw(seed, **more):
    answer = client.chat.completions.create(
        model=model, messages=messages, temperature=1.5, seed=seed, max_tokens=8, **more
    )
    return [choice.message.content for choice in answer.choices]

assert draw(1) == draw(1) != draw(2)
three = draw(1, n=3)
assert len(set(three)) > 1 and three[0] == draw(1)[0]

# Stop strings end an answer before themselves, whether or not they are a token.
stop = text[4:7]
cut = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=24, stop=[stop])
assert cut.choices[0].message.content == text[: text.index(stop)] and cut.choices[0].finish_reason == "stop", (cut, text)
streamed = "".join(
    c.choices[0].delta.content or ""
    for c in client.chat.completions.create(
        model=model, messages=messages, temperature=0, max_tokens=24, stop=stop, stream=True
    )
)
assert streamed == cut.choices[0].message.content, (streamed, cut)

# Log-probabilities, bytes and ids belong to the tokens written.
answer = client.chat.completions.create(
    model=model, messages=messages, temperature=0, max_tokens=8, logprobs=True, extra_body={"return_token_ids": True}
)
entries = answer.choices[0].logprobs.content
assert len(entries) == answer.usage.completion_tokens and all(e.logprob <= 0 for e in entries)
assert bytes(b for e in entries for b in e.bytes).decode(errors="replace").startswith(answer.choices[0].message.content)
assert len(answer.choices[0].token_ids) == len(entries) and len(answer.prompt_token_ids) == answer.usage.prompt_tokens

# Completions: of texts and of ids.
plain = client.completions.create(model=model, prompt=["def add(a, b):", "def sub(a, b):"], temperature=0, max_tokens=8)
assert len(plain.choices) == 2 and plain.choices[1].index == 1 and plain.usage.completion_tokens <= 16
ids = client.completions.create(model=model, prompt=answer.prompt_token_ids, temperature=0, max_tokens=8)
assert ids.choices[0].text == answer.choices[0].message.content
assert client.completions.create(model=model, prompt="x", max_tokens=4, logprobs=0, temperature=0).choices[0].logprobs.tokens

# An adapter is a model of its own.
adapted = client.chat.completions.create(model=adapter, messages=messages, temperature=0, max_tokens=24)
assert adapted.model == adapter and adapted.choices[0].message.content != text

# Many at once give what each gives alone.
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    assert list(pool.map(lambda seed: draw(seed), [1, 2] * 8)) == [draw(1), draw(2)] * 8

# Faults are OpenAI's own kinds.
def fault(kind, fragment, **arguments):
    try:
        client.chat.completions.create(**{"model": model, "messages": messages, "max_tokens": 4, **arguments})
    except kind as error:
        assert fragment in str(error), error
    else:
        raise SystemExit(f"{arguments} was taken")

fault(openai.NotFoundError, "gpt-9", model="gpt-9")
fault(openai.BadRequestError, "temperature", temperature=-1)
fault(openai.BadRequestError, "messages", messages=[])
fault(openai.BadRequestError, "messages", messages=[{"role": "tool", "content": "x", "tool_call_id": "y"}])
fault(openai.BadRequestError, "max_tokens", max_tokens=0)
fault(openai.BadRequestError, "colour", extra_body={"colour": "red"})
fault(openai.BadRequestError, "frequency_penalty", frequency_penalty=1)
fault(openai.BadRequestError, "tools", tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])
fault(openai.BadRequestError, "context length", messages=[{"role": "user", "content": "word " * 8200}])

# A client that leaves in the middle leaves nothing running.
for _ in range(5):
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=400, stream=True)
    next(iter(stream))
    stream.close()
assert client.chat.completions.create(model=model, messages=messages, max_tokens=1).usage.completion_tokens == 1
print("all right")
