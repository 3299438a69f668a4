// Requests to the server: JSON in and out, problems as errors, a deadline for each.

/** An answer that is no success. */
export class ApiError extends Error {
	/** @param {number} status @param {Problem | null} problem `null` when something between here and the server answered */
	constructor(status, problem) {
		super(problem?.title ?? `HTTP status ${status}`);
		this.status = status;
		this.problem = problem;
	}

	/** Whether the same request may succeed in a moment. */
	get isPassing() {
		return this.problem ? this.problem.retryable : this.status >= 500;
	}
}

/** No answer: the server is away, or the network is. */
export class NoAnswer extends Error {}

/** Longest wait for an answer besides the wait that was asked for, in milliseconds. */
const DEADLINE_MS = 15_000;

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [waitMs] how long the server was asked to wait
 */

/**
 * Sends a request. Rejects with `ApiError`, `NoAnswer`, or what `signal` was aborted with.
 * @param {string} method
 * @param {string} path below `api/`
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
async function send(method, path, { body, headers = {}, signal, waitMs = 0 } = {}) {
	const abort = new AbortController();
	const forward = () => abort.abort();
	const timer = setTimeout(forward, DEADLINE_MS + waitMs);
	signal?.addEventListener("abort", forward);
	if (signal?.aborted) forward();
	/** @type {RequestInit} */
	const init = { method, headers, signal: abort.signal, credentials: "same-origin", cache: "no-store" };
	if (body !== undefined) {
		init.body = JSON.stringify(body);
		init.headers = { ...headers, "Content-Type": "application/json" };
	}
	try {
		const response = await fetch(new URL(`api/${path}`, document.baseURI), init);
		// The whole body within the deadline, too.
		const text = response.status === 304 ? "" : await response.text();
		if (!response.ok && response.status !== 304) throw new ApiError(response.status, problemOf(text));
		return new Response(text || null, { status: response.status === 304 ? 204 : response.status, headers: response.headers });
	} catch (error) {
		if (signal?.aborted) throw signal.reason;
		throw error instanceof ApiError ? error : new NoAnswer("the server does not answer");
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener("abort", forward);
	}
}

/** @param {string} text @returns {Problem | null} */
function problemOf(text) {
	try {
		const problem = JSON.parse(text);
		return typeof problem?.code === "string" ? problem : null;
	} catch {
		return null;
	}
}

/** The body of the answer. @param {string} method @param {string} path @param {Options} [options] */
async function call(method, path, options) {
	const response = await send(method, path, options);
	return response.status === 204 ? null : response.json();
}

/**
 * The body of the answer, with its tag; `null` if it is still the one that `tag` stands for.
 * @param {string} path @param {string | null} tag @param {AbortSignal} signal
 */
async function readIfChanged(path, tag, signal) {
	const headers = tag ? { "If-None-Match": tag } : undefined;
	const response = await send("GET", path, { headers, signal });
	if (response.status === 204) return null;
	return { body: await response.json(), tag: response.headers.get("etag") };
}

/** @param {WorkerId} worker */
const pathOf = (worker) =>
	`runtimes/${encodeURIComponent(worker.runtime_id)}/workers/${encodeURIComponent(worker.worker_id)}`;

/** @param {Record<string, string | number | null | undefined>} parameters */
function query(parameters) {
	const given = Object.entries(parameters).filter(([, value]) => value != null && value !== "");
	return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** A key that makes the repetition of a mutation harmless. */
export function idempotencyKey() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The operations.

/** @returns {Promise<Schemas["WorkspaceInfo"]>} */
export const getWorkspace = () => call("GET", "workspace");

/** @returns {Promise<Schemas["SessionInfo"]>} */
export const getSession = () => call("GET", "session");

/** @param {string} token */
export const signInWithToken = (token) =>
	call("POST", "session", { headers: { Authorization: `Bearer ${token}` }, body: {} });

/** @param {string} code */
export const signInWithCode = (code) => call("POST", "session", { body: { code } });

export const signOut = () => call("DELETE", "session");

/** @param {AbortSignal} [signal] @returns {Promise<Schemas["RuntimeList"]>} */
export const listRuntimes = (signal) => call("GET", "runtimes", { signal });

/**
 * @param {{ limit: number, page_token?: string | null, state?: string }} parameters
 * @param {string | null} tag @param {AbortSignal} signal
 * @returns {Promise<{ body: WorkerPage, tag: string | null } | null>}
 */
export const listWorkers = (parameters, tag, signal) => readIfChanged(`workers${query(parameters)}`, tag, signal);

/**
 * @param {string} runtimeId @param {Schemas["CreateWorkerBody"]} body @param {string} key
 * @returns {Promise<WorkerDetail>}
 */
export const createWorker = (runtimeId, body, key) =>
	call("POST", `runtimes/${encodeURIComponent(runtimeId)}/workers`, { body, headers: { "Idempotency-Key": key } });

/** @param {WorkerId} worker @param {AbortSignal} [signal] @returns {Promise<WorkerDetail>} */
export const getWorker = (worker, signal) => call("GET", pathOf(worker), { signal });

/** @param {WorkerId} worker @param {string} display_name @returns {Promise<WorkerDetail>} */
export const renameWorker = (worker, display_name) => call("PATCH", pathOf(worker), { body: { display_name } });

/** @param {WorkerId} worker @returns {Promise<WorkerDetail>} */
export const stopWorker = (worker) => call("POST", `${pathOf(worker)}/stop`, { body: {}, waitMs: DEADLINE_MS });

/** @param {WorkerId} worker */
export const deleteWorker = (worker) => call("DELETE", pathOf(worker), { waitMs: DEADLINE_MS });

/** @param {WorkerId} worker @param {string} [run_id] @returns {Promise<Schemas["CancelResult"]>} */
export const cancelRun = (worker, run_id) =>
	call("POST", `${pathOf(worker)}/cancel`, { body: run_id ? { run_id } : {}, waitMs: DEADLINE_MS });

/** @param {WorkerId} worker @param {string} content @param {string} key @returns {Promise<AcceptedInput>} */
export const sendInput = (worker, content, key) =>
	call("POST", `${pathOf(worker)}/input`, { body: { content }, headers: { "Idempotency-Key": key } });

/**
 * @param {WorkerId} worker @param {{ limit: number, before?: number, after?: number }} range
 * @param {AbortSignal} [signal] @returns {Promise<TranscriptPage>}
 */
export const readTranscript = (worker, range, signal) =>
	call("GET", `${pathOf(worker)}/transcript${query(range)}`, { signal });

/**
 * @param {WorkerId} worker @param {{ after: string, limit: number, wait_ms: number, batch_ms: number }} parameters
 * @param {AbortSignal} signal @returns {Promise<EventBatch>}
 */
export const readEvents = (worker, parameters, signal) =>
	call("GET", `${pathOf(worker)}/events${query(parameters)}`, { signal, waitMs: parameters.wait_ms });
