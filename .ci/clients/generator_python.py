"""Drives the server through the Python client that openapi-generator generates."""

import os

import yoi_client
from yoi_client import (
    CancelRunBody,
    CancelledResult,
    CreateWorkerBody,
    NotRunningResult,
    OutputDeltaEvent,
    RenameWorkerBody,
    RunFinishedEvent,
    RunOutcome,
    SendInputBody,
    WorkerState,
)

client = yoi_client.ApiClient(
    yoi_client.Configuration(
        host=os.environ["YOI_URL"], access_token=os.environ["YOI_TOKEN"]
    )
)
workers = yoi_client.WorkersApi(client)
conversation = yoi_client.ConversationApi(client)

created = workers.create_worker(
    "backend-internal", CreateWorkerBody(display_name="Generated client")
)
worker = (created.runtime_id, created.worker_id)
after = None

run = conversation.send_input(*worker, SendInputBody(content="Hello there."))
text, finished = "", None
while finished is None:
    batch = conversation.read_events(*worker, after=after, wait_ms=10_000)
    after = batch.next_cursor
    for event in batch.events:
        event = event.actual_instance
        if isinstance(event, OutputDeltaEvent):
            text += event.text
        elif isinstance(event, RunFinishedEvent):
            finished = event
assert finished.run_id == run.run_id, finished
assert finished.outcome == RunOutcome.COMPLETED and text, finished

run = conversation.send_input(*worker, SendInputBody(content="word " * 200))
cancelled = conversation.cancel_run(*worker, CancelRunBody()).actual_instance
assert isinstance(cancelled, CancelledResult), cancelled
assert cancelled.run_id == run.run_id, cancelled
again = conversation.cancel_run(*worker, CancelRunBody()).actual_instance
assert isinstance(again, NotRunningResult), again

stopped = workers.stop_worker(*worker, {})
assert stopped.state == WorkerState.STOPPED, stopped

renamed = workers.rename_worker(*worker, RenameWorkerBody(display_name="Renamed"))
assert renamed.display_name == "Renamed", renamed
workers.delete_worker(*worker)
