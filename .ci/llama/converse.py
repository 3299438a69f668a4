"""Talks to one worker, in messages that each are 4 bytes longer than the one before: after a dozen
the conversation is longer than the model's context.

The model has a token for each byte, so the prompt that the whole conversation needs is known. A reply
to a prompt of fewer tokens has to say that something was left out, and no other reply may.
"""

import json
import os
import sys
import time
import urllib.request

CONTEXT = 2048
BYTES_A_TURN = 4
TURN_SECONDS = 60
POLL_MS = 10_000

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(path, body=None):
    request = urllib.request.Request(
        f"{os.environ['YOI_URL']}/api/runtimes/backend-internal/workers{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['YOI_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with opener.open(request, timeout=30) as response:
        return json.load(response)


def reply_to(worker, content):
    """The reply's text and the event that ends the run."""
    after = call(f"/{worker}/input", {"content": content})["cursor"]
    deadline = time.monotonic() + TURN_SECONDS
    text = ""
    while time.monotonic() < deadline:
        batch = call(f"/{worker}/events?after={after}&wait_ms={POLL_MS}&limit=200")
        after = batch["next_cursor"]
        for event in batch["events"]:
            if event["kind"] == "output_delta":
                text += event["text"]
            elif event["kind"] == "run_finished":
                return text, event
    sys.exit(f"the run has not finished after {TURN_SECONDS} s")


def tokens(role, content):
    """What the chat template of `make_model.py` makes of a message."""
    return len(f"{role}: {content}\n".encode())


turns = int(sys.argv[1])
started = time.monotonic()
worker = call("", {})["worker_id"]
conversation = 0  # tokens, without the instructions
instructions = None
truncated = cut = longest_prompt = 0
shortest_reply = None

for turn in range(1, turns + 1):
    size = BYTES_A_TURN * turn
    content = (f"turn {turn}, " * size)[: size - 1] + "."
    conversation += tokens("user", content)
    text, finished = reply_to(worker, content)

    def check(holds, what):
        if not holds:
            sys.exit(f"turn {turn}: {what}: {json.dumps(finished)[:1000]}")

    check(finished["outcome"] == "completed" and text, "no reply")
    diagnostics = {diagnostic["code"] for diagnostic in finished.get("diagnostics", [])}
    prompt = finished.get("usage", {}).get("input_tokens")
    check(prompt is not None, "no usage")
    if instructions is None:
        instructions = prompt - conversation
    whole = instructions + conversation
    left_out = diagnostics & {"context_truncated", "exchange_truncated"}
    check(prompt >= whole or left_out, f"{prompt} of {whole} tokens were sent, and it is not said")
    check(prompt < whole or not left_out, f"all {whole} tokens were sent, and it says otherwise")

    conversation += tokens("assistant", text)
    truncated += "context_truncated" in diagnostics
    cut += "exchange_truncated" in diagnostics
    longest_prompt = max(longest_prompt, prompt)
    shortest_reply = min(len(text), shortest_reply or len(text))

if whole > CONTEXT and not truncated:
    sys.exit("no reply says that entries were left out")
print(
    f"{turns} turns answered, {whole} tokens in all: {truncated} replies say that entries were left out,"
    f" {cut} that the exchange before was cut; longest prompt {longest_prompt} of {CONTEXT} tokens,"
    f" shortest reply {shortest_reply} characters, {time.monotonic() - started:.0f} s"
)
