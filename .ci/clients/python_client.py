"""Drives the server through the client that openapi-python-client generates."""

import os

from python_client.api.conversation import cancel_run, read_events, send_input
from python_client.api.workers import create_worker, delete_worker, rename_worker, stop_worker
from python_client.client import AuthenticatedClient
from python_client.models import (
    CancelRunBody,
    CancelledResult,
    CreateWorkerBody,
    NotRunningResult,
    OutputDeltaEvent,
    RenameWorkerBody,
    RunFinishedEvent,
    RunOutcome,
    SendInputBody,
    StopWorkerBody,
    WorkerState,
)
from python_client.types import UNSET

client = AuthenticatedClient(
    base_url=os.environ["YOI_URL"],
    token=os.environ["YOI_TOKEN"],
    raise_on_unexpected_status=True,
    timeout=30,
)

created = create_worker.sync(
    "backend-internal",
    client=client,
    body=CreateWorkerBody(display_name="Generated client"),
)
worker = (created.runtime_id, created.worker_id)
after = UNSET

run = send_input.sync(*worker, client=client, body=SendInputBody(content="Hello there."))
text, finished = "", None
while finished is None:
    batch = read_events.sync(*worker, client=client, after=after, wait_ms=10_000)
    after = batch.next_cursor
    for event in batch.events:
        if isinstance(event, OutputDeltaEvent):
            text += event.text
        elif isinstance(event, RunFinishedEvent):
            finished = event
assert finished.run_id == run.run_id, finished
assert finished.outcome == RunOutcome.COMPLETED and text, finished

run = send_input.sync(*worker, client=client, body=SendInputBody(content="word " * 200))
cancelled = cancel_run.sync(*worker, client=client, body=CancelRunBody())
assert isinstance(cancelled, CancelledResult), cancelled
assert cancelled.run_id == run.run_id, cancelled
again = cancel_run.sync(*worker, client=client, body=CancelRunBody())
assert isinstance(again, NotRunningResult), again

stopped = stop_worker.sync(*worker, client=client, body=StopWorkerBody())
assert stopped.state == WorkerState.STOPPED, stopped

renamed = rename_worker.sync(*worker, client=client, body=RenameWorkerBody("Renamed"))
assert renamed.display_name == "Renamed", renamed
deleted = delete_worker.sync_detailed(*worker, client=client)
assert deleted.status_code == 204, deleted
