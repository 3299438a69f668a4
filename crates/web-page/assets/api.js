// Requests to the server, with the types of its OpenAPI document. Problems are errors.

/** No success; without an answer the status is 0. */
export class ApiError extends Error {
	/** @param {number} status @param {Problem} [problem] the server's own answer */
	constructor(status, problem) {
		super(problem?.title ?? `HTTP status ${status}`);
		this.status = status;
		this.problem = problem;
	}

	/** Whether the same may succeed in a moment. */
	get isPassing() {
		return this.problem ? this.problem.retryable : this.status < 400 || this.status >= 500;
	}
}

export const WORKER = "runtimes/{runtime_id}/workers/{worker_id}";

/** Longest wait for an answer beyond `wait_ms`. */
const DEADLINE_MS = 20_000;

/**
 * Rejects with `ApiError`, or with what `signal` was aborted with.
 * @template {Method} M @template {ApiPath} P
 * @param {M} method @param {P} path @param {RequestOptions<M, P>} [options] `path` fills the braces
 * @returns {Promise<{ data: ResponseBody<M, P>, etag: string | null }>} 204 and 304 have `null`
 */
export async function call(method, path, options = {}) {
	const { body, signal, query = {}, headers = {} } = options;
	const names = new Map(Object.entries(options.path ?? {}));
	const url = path.replace(/{(\w+)}/g, (_, name) => encodeURIComponent(names.get(name)));
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
	// It has arrived, and is for nobody any more.
	signal?.throwIfAborted();
	let data;
	try {
		data = JSON.parse(text || "null");
	} catch {
		// Something in front of the server.
		throw new ApiError(response.status);
	}
	if (response.ok || response.status === 304) return { data, etag: response.headers.get("etag") };
	throw new ApiError(response.status, data?.code && data);
}

/** Makes the repetition of a request harmless. */
export const newKey = () => ({ "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") });
