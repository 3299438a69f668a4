// Requests to the server, with the types of the OpenAPI document: JSON in and out, problems as errors.

/** An answer that is no success; none at all has the status 0. */
export class ApiError extends Error {
	/** @param {number} status @param {Problem | null} [problem] the server's own answer */
	constructor(status, problem = null) {
		super(problem?.title ?? `HTTP status ${status}`);
		this.status = status;
		this.problem = problem;
	}

	/** Whether the same request may succeed in a moment. */
	get isPassing() {
		return this.problem ? this.problem.retryable : this.status < 400 || this.status >= 500;
	}
}

export const WORKER = "runtimes/{runtime_id}/workers/{worker_id}";

/** Longest wait for an answer beyond the one that was asked for. */
const DEADLINE_MS = 20_000;

/**
 * Sends a request. Rejects with `ApiError`, or with what `signal` was aborted with.
 * @template {Method} M @template {ApiPath} P
 * @param {M} method @param {P} path @param {RequestOptions<M, P>} [options] `path` fills the braces of the path
 * @returns {Promise<{ data: ResponseBody<M, P>, etag: string | null }>} 204 and 304 have `null`
 */
export async function call(method, path, options = {}) {
	const { body, signal, query = {}, headers = {} } = options;
	/** @type {Record<string, string>} */
	const names = options.path ?? {};
	const url = path.replace(/{(\w+)}/g, (_, name) => encodeURIComponent(names[name] ?? ""));
	const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
	const deadline = AbortSignal.timeout(DEADLINE_MS + Number(new Map(given).get("wait_ms") ?? 0));
	let response;
	let text;
	try {
		response = await fetch(`api/${url}?${new URLSearchParams(given)}`, {
			method: method.toUpperCase(),
			headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
			body: JSON.stringify(body),
			cache: "no-store",
			signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
		});
		text = await response.text();
	} catch {
		signal?.throwIfAborted();
		throw new ApiError(0);
	}
	// It had all arrived, and is for nobody any more.
	signal?.throwIfAborted();
	const data = parse(text);
	if ((response.ok || response.status === 304) && data !== undefined) {
		return { data, etag: response.headers.get("etag") };
	}
	throw new ApiError(response.status, data?.code ? data : null);
}

/** The JSON value; `undefined` if it is something else. @param {string} text */
function parse(text) {
	try {
		return text ? JSON.parse(text) : null;
	} catch {
		return undefined;
	}
}

/** Makes the repetition of a request harmless. */
export const newKey = () => ({ "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") });
