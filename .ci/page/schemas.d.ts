// The OpenAPI document as the page's modules name it in JSDoc: its schemas, and what a request to an
// operation has and is answered with.

import type { components, paths } from "./contract";

type Operation<M extends Method, P extends ApiPath> = NonNullable<paths[`/api/${P}`][M]>;
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : null;
type Success<R> = { [Status in keyof R & (200 | 201 | 202 | 204)]: Json<R[Status]> }[keyof R & (200 | 201 | 202 | 204)];

declare global {
  type Method = "get" | "post" | "patch" | "delete";
  type ApiPath = { [P in keyof paths]: P extends `/api/${infer Below}` ? Below : never }[keyof paths];
  type RequestOptions<M extends Method, P extends ApiPath> = {
    path?: Operation<M, P> extends { parameters: { path?: infer Path } } ? Record<keyof Path, string> : never;
    query?: Operation<M, P> extends { parameters: { query?: infer Query } }
      ? { [Name in keyof Query]?: string | number | null }
      : never;
    body?: Operation<M, P> extends { requestBody?: infer Body } ? Json<Body> : never;
    headers?: Record<string, string>;
    signal?: AbortSignal;
  };
  type ResponseBody<M extends Method, P extends ApiPath> =
    Operation<M, P> extends { responses: infer Responses } ? Success<Responses> : never;

  /** An id of the page's HTML, whose elements `.ci/page-types` lists. */
  type ElementId = keyof PageElements;

  type Schemas = components["schemas"];
  type Problem = Schemas["Problem"];
  type RunErrorCode = Schemas["RunErrorCode"];
  type RunFinished = Extract<WorkerEvent, { kind: "run_finished" }>;
  type RuntimeSummary = Schemas["RuntimeSummary"];
  type TranscriptEntry = Schemas["TranscriptEntry"];
  type TranscriptPage = Schemas["TranscriptPage"];
  type WorkerDetail = Schemas["WorkerDetail"];
  type WorkerEvent = Schemas["WorkerEvent"];
  type WorkerId = Pick<WorkerSummary, "runtime_id" | "worker_id">;
  type WorkerState = Schemas["WorkerState"];
  type WorkerSummary = Schemas["WorkerSummary"];
}
