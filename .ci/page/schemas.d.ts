// The schemas of the OpenAPI document by the names that the page's JSDoc has for them.

import type { components } from "./contract";

declare global {
  type Schemas = components["schemas"];
  type AcceptedInput = Schemas["AcceptedInput"];
  type EventBatch = Schemas["EventBatch"];
  type Problem = Schemas["Problem"];
  type RunErrorCode = Schemas["RunErrorCode"];
  type RuntimeSummary = Schemas["RuntimeSummary"];
  type TranscriptEntry = Schemas["TranscriptEntry"];
  type TranscriptPage = Schemas["TranscriptPage"];
  type WorkerDetail = Schemas["WorkerDetail"];
  type WorkerEvent = Schemas["WorkerEvent"];
  type WorkerId = Pick<WorkerSummary, "runtime_id" | "worker_id">;
  type WorkerPage = Schemas["WorkerPage"];
  type WorkerState = Schemas["WorkerState"];
  type WorkerSummary = Schemas["WorkerSummary"];
}
