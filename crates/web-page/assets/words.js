// What went wrong, in plain words, and what to do: of problems, of failed runs.

import { ApiError } from "./api.js";

/** Codes of which the server's own advice is not for a page. @type {Partial<Record<Schemas["ProblemCode"], string>>} */
const PROBLEMS = {
	unauthorized: "The token is not this server's. Copy it from where the server was started.",
	misdirected_host: "The server is not reached by this name. Its operator can add it with --allowed-host.",
	unknown_worker: "There is no such worker any more. Choose another one from the list.",
	internal: "The server failed. Its log says more.",
	shutting_down: "The server is being stopped. It goes on after the restart.",
};

/** @type {Record<string, string>} */
const UNAVAILABLE = {
	store_full: "The server's disk is full. Free space there, then try again.",
	store_failed: "The server can't read or write its store. “yoi store check” on its machine says more.",
	store_lost: "The server's store is gone. Put the file back, or restart the server.",
	run_still_ending: "The reply is still ending. Try again when it has ended.",
};

/** What happened and what to do. @param {unknown} error @returns {string} */
export function wordsFor(error) {
	if (!(error instanceof ApiError)) return "The server does not answer. Is it running?";
	const { problem, status } = error;
	if (!problem) return `Something between this page and the server answered with status ${status}.`;
	if (problem.code === "runtime_unavailable" && problem.reason) {
		return UNAVAILABLE[problem.reason] ?? "The runtime did not answer. Try again in a moment.";
	}
	if (problem.limit_bytes != null) {
		return `That is too long: at most ${bytesText(problem.limit_bytes)} fit. Shorten it.`;
	}
	if (problem.code === "capacity_exhausted") {
		return `The limit “${problem.limit}” is reached. Delete workers, or have the operator raise it.`;
	}
	return PROBLEMS[problem.code] ?? `${problem.title}. ${problem.reason ?? problem.detail}`;
}

/** @type {Record<RunErrorCode, string>} */
const FAILURES = {
	unauthorized: "the provider does not accept the server's key",
	quota_exhausted: "the provider's account has no quota left",
	rate_limited: "the provider asks for fewer requests; wait a little",
	overloaded: "the provider is overloaded; try later",
	unreachable: "the server can't connect to the provider",
	model_unknown: "the provider does not have this model",
	endpoint_wrong: "the endpoint is not the provider's",
	request_rejected: "the provider rejects the request",
	refused: "the model declined to answer; rephrase the message",
	empty_reply: "the reply has no text; send the message again",
	reply_cut_off: "the connection to the provider broke; ask for the rest",
	invalid_response: "the provider's answer can't be understood",
	timed_out: "the provider did not answer in time; try again",
	context_too_long: "the message is longer than the model's context; shorten it",
	misconfigured: "the server's settings for the model can't work",
	internal: "the engine failed",
	engine_panicked: "the engine crashed",
	output_limit: "the reply is larger than one may be; ask for the rest",
	interrupted: "the server was stopped meanwhile; send the message again",
	store_failed: "the server could not store its end",
};

/**
 * How a run ended, if not as it should.
 * @param {{ outcome: string, error_code?: RunErrorCode, retry_after_s?: number }} run
 */
export function endWords(run) {
	if (run.outcome === "cancelled") return "The reply was cancelled.";
	if (run.outcome === "timed_out") return "The reply took longer than it may. Ask for less.";
	if (run.outcome !== "failed") return "";
	const why = FAILURES[run.error_code ?? "internal"];
	const wait = run.retry_after_s ? ` The provider accepts the next message in ${run.retry_after_s} s.` : "";
	return `The reply failed: ${why}. The server's log has more.${wait}`;
}

/** @param {RunErrorCode} code */
export const failureWords = (code) => FAILURES[code];

/** @param {number} bytes */
export function bytesText(bytes) {
	if (bytes < 1024) return `${bytes} bytes`;
	if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(bytes % 1024 ? 1 : 0)} KiB`;
	return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
