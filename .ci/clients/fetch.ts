// Drives the server through openapi-fetch, typed by openapi-typescript.
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi.js";

type WorkerEvent = components["schemas"]["WorkerEvent"];

const client = createClient<paths>({
  baseUrl: process.env.YOI_URL,
  headers: { Authorization: `Bearer ${process.env.YOI_TOKEN}` },
});

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** The data of a successful response. */
function expect<T>(result: { data?: T; error?: unknown }): T {
  assert(result.data !== undefined, JSON.stringify(result.error));
  return result.data;
}

const created = expect(
  await client.POST("/api/runtimes/{runtime_id}/workers", {
    params: { path: { runtime_id: "backend-internal" } },
    body: { display_name: "Generated client" },
  }),
);
const path = { runtime_id: created.runtime_id, worker_id: created.worker_id };
/** The cursor of the last event that was read; without one, reading begins at the oldest event. */
let after: string | undefined;

async function send(content: string): Promise<string> {
  const url = "/api/runtimes/{runtime_id}/workers/{worker_id}/input";
  const accepted = expect(await client.POST(url, { params: { path }, body: { content } }));
  return accepted.run_id;
}

async function readEvents(): Promise<WorkerEvent[]> {
  const url = "/api/runtimes/{runtime_id}/workers/{worker_id}/events";
  const query = { after, wait_ms: 10_000 };
  const batch = expect(await client.GET(url, { params: { path, query } }));
  after = batch.next_cursor;
  return batch.events;
}

async function cancel() {
  const url = "/api/runtimes/{runtime_id}/workers/{worker_id}/cancel";
  return expect(await client.POST(url, { params: { path }, body: {} }));
}

const run = await send("Hello there.");
let text = "";
let outcome: string | undefined;
while (outcome === undefined) {
  for (const event of await readEvents()) {
    switch (event.kind) {
      case "input_accepted":
        assert(event.run_id === run, "another run was accepted");
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

const hanging = await send("word ".repeat(200));
const cancelled = await cancel();
assert(cancelled.result === "cancelled", "the run was not cancelled");
assert(cancelled.run_id === hanging, "another run was cancelled");
assert((await cancel()).result === "not_running", "a run is still active");

const stopped = expect(
  await client.POST("/api/runtimes/{runtime_id}/workers/{worker_id}/stop", {
    params: { path },
    body: {},
  }),
);
assert(stopped.state === "stopped", `the worker is ${stopped.state}`);

const one = "/api/runtimes/{runtime_id}/workers/{worker_id}";
const body = { display_name: "Renamed" };
const renamed = expect(await client.PATCH(one, { params: { path }, body }));
assert(renamed.display_name === "Renamed", `the worker is ${renamed.display_name}`);
const deleted = await client.DELETE(one, { params: { path } });
assert(deleted.response.status === 204, JSON.stringify(deleted.error));
