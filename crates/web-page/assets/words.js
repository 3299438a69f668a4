// What went wrong, in plain words, and what to do.

import { ApiError } from "./api.js";

/** @param {ApiError} error */
export function wordsFor({ problem, status }) {
	if (status === 0) return "The server does not answer. Is it running?";
	if (!problem) return `Something in front of the server answered with ${status}.`;
	const { code, title, detail, field, reason, limit, limit_bytes } = problem;
	if (limit_bytes) return `That is too long: at most ${Math.floor(limit_bytes / 1024)} KiB fit. Shorten it.`;
	if (code === "capacity_exhausted") return `The limit “${limit}” is reached. Delete workers, or have the operator raise it.`;
	if (code === "unknown_worker") return "There is no such worker any more. Choose another one.";
	// What is created was changed after an answer was lost.
	if (code === "idempotency_conflict") return "A worker was made already: look at the list. Create makes another one.";
	if (field === "display_name") return `That name can't be used. ${reason}`;
	// Why a runtime is unavailable is a code.
	return `${title}. ${code === "runtime_unavailable" ? detail : (reason ?? detail)}`;
}

/** Why a run failed. @type {Record<RunErrorCode, string>} */
export const FAILURES = {
	unauthorized: "the provider refuses the server's key",
	quota_exhausted: "the provider's account has no quota left",
	rate_limited: "the provider asks for fewer requests; wait",
	overloaded: "the provider is overloaded; try later",
	unreachable: "the provider can't be reached",
	model_unknown: "the provider has no such model",
	endpoint_wrong: "the endpoint is not the provider's",
	request_rejected: "the provider rejects the request",
	refused: "the model declined; rephrase the message",
	empty_reply: "the reply has no text; send it again",
	reply_cut_off: "the connection to the provider broke; ask for the rest",
	invalid_response: "the provider's answer can't be understood",
	timed_out: "the provider did not answer in time; try again",
	context_too_long: "the message is too long for the model; shorten it",
	misconfigured: "the server's settings for the model can't work",
	internal: "the engine failed",
	engine_panicked: "the engine crashed",
	output_limit: "the reply is too long; ask for the rest",
	capacity_exhausted: "the server's memory is full; ask for the rest later",
	interrupted: "the server was stopped; send it again",
	store_failed: "the server could not store its end",
};

/** How a run ended, if not well. @param {Pick<RunFinished, "outcome" | "error_code" | "retry_after_s">} run */
export function endWords({ outcome, error_code = "internal", retry_after_s: wait }) {
	if (outcome === "cancelled") return "The reply was cancelled.";
	if (outcome === "timed_out") return "The reply took longer than it may. Ask for less.";
	if (outcome !== "failed") return "";
	const when = wait ? ` The provider accepts the next message in ${wait} s.` : "";
	return `The reply failed: ${FAILURES[error_code]}. The server's log has more.${when}`;
}
