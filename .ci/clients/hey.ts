// Drives the server through the client that @hey-api/openapi-ts generates.
import { client } from "./hey/client.gen.js";
import {
  cancelRun,
  createWorker,
  deleteWorker,
  readEvents,
  renameWorker,
  sendInput,
  stopWorker,
} from "./hey/sdk.gen.js";
import type { WorkerEvent } from "./hey/types.gen.js";

client.setConfig({ baseUrl: process.env.YOI_URL, auth: () => process.env.YOI_TOKEN });

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

const created = await createWorker({
  path: { runtime_id: "backend-internal" },
  body: { display_name: "Generated client" },
  throwOnError: true,
});
const path = { runtime_id: created.data.runtime_id, worker_id: created.data.worker_id };
/** The cursor of the last event that was read; without one, reading begins at the oldest event. */
let after: string | undefined;

async function nextEvents(): Promise<WorkerEvent[]> {
  const query = { after, wait_ms: 10_000 };
  const batch = await readEvents({ path, query, throwOnError: true });
  after = batch.data.next_cursor;
  return batch.data.events;
}

const run = await sendInput({ path, body: { content: "Hello there." }, throwOnError: true });
let text = "";
let outcome: string | undefined;
while (outcome === undefined) {
  for (const event of await nextEvents()) {
    switch (event.kind) {
      case "input_accepted":
        assert(event.run_id === run.data.run_id, "another run was accepted");
        break;
      case "output_delta":
        text += event.text;
        break;
      case "run_finished":
        outcome = event.outcome;
        break;
    }
  }
}
assert(outcome === "completed" && text.length > 0, `the run ended as ${outcome}: ${text}`);

const content = "word ".repeat(200);
const hanging = await sendInput({ path, body: { content }, throwOnError: true });
const cancelled = (await cancelRun({ path, body: {}, throwOnError: true })).data;
assert(cancelled.result === "cancelled", "the run was not cancelled");
assert(cancelled.run_id === hanging.data.run_id, "another run was cancelled");
const again = (await cancelRun({ path, body: {}, throwOnError: true })).data;
assert(again.result === "not_running", "a run is still active");

const stopped = await stopWorker({ path, body: {}, throwOnError: true });
assert(stopped.data.state === "stopped", `the worker is ${stopped.data.state}`);

const name = { display_name: "Renamed" };
const renamed = await renameWorker({ path, body: name, throwOnError: true });
assert(renamed.data.display_name === "Renamed", `it is ${renamed.data.display_name}`);
await deleteWorker({ path, throwOnError: true });
