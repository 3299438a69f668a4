// The open conversation: a page of the transcript, then the events after its cursor, one request
// at a time. Whatever is lost, reading the transcript anew makes whole.

import { getWorker, readEvents, readTranscript } from "./api.js";
import { button, byId } from "./dom.js";
import * as entries from "./entries.js";
import { Loop } from "./loop.js";
import { notify } from "./notices.js";
import { endWords, failureWords, wordsFor } from "./words.js";
import * as head from "./worker-head.js";
import { refresh as refreshList } from "./worker-list.js";

const PAGE_ENTRIES = 50;
const EVENTS_MAX = 200;
const WAIT_MS = 25_000;
/** How long events are gathered: eight requests a second show a reply as it grows. */
const BATCH_MS = 120;

/** @type {WorkerId | null} */
let worker = null;
/** Where the next event is; `null` before the transcript is read. @type {string | null} */
let cursor = null;
/** What is asked next besides events. @type {"" | "earlier" | "later"} */
let wanted = "";
let hasEarlier = false;
/** Whether the newest entry is shown; otherwise events are read, and their text is not. */
let isAtEnd = true;
let isDetailOld = false;

const loop = new Loop(step, (error) => {
	if (error.problem?.code === "cursor_expired" || error.problem?.code === "invalid_cursor") {
		cursor = null;
		notify("The server was restarted, or the page was away for long: the conversation was read anew.", "passing");
		return 0;
	}
	notify(wordsFor(error));
	if (error.status === 404) head.close();
	return null;
});

export const suspend = () => loop.stop();
export function resume() {
	if (worker) loop.start();
}

/** Opens a worker's conversation; `null` closes. @param {WorkerId | null} id */
export function open(id) {
	loop.stop();
	worker = id;
	cursor = null;
	wanted = "";
	entries.clear();
	head.open(id);
	resume();
}

/** An input of this page was accepted: its events are there by now. */
export const look = () => loop.soon();

export function listen() {
	const log = byId("log");
	log.addEventListener("scroll", () => {
		if (wanted || !cursor) return;
		if (hasEarlier && entries.isNearStart()) wanted = "earlier";
		else if (!isAtEnd && entries.isNearEnd()) wanted = "later";
		if (wanted) loop.again();
	}, { passive: true });
	button("latest").addEventListener("click", () => {
		cursor = null;
		loop.again();
	});
}

/** @param {AbortSignal} signal */
async function step(signal) {
	const open = worker;
	if (!open) return null;
	if (!cursor) await readAll(open, signal);
	else if (wanted) await readMore(open, signal);
	else if (isDetailOld) await readDetail(open, signal);
	else return await follow(open, cursor, signal);
	return 0;
}

/** @param {WorkerId} open @param {AbortSignal} signal */
async function readDetail(open, signal) {
	head.show(await getWorker(open, signal));
	isDetailOld = false;
}

/** @param {WorkerId} open @param {AbortSignal} signal */
async function readAll(open, signal) {
	await readDetail(open, signal);
	if (!head.can("read_transcript")) return loop.stop();
	const page = await readTranscript(open, { limit: PAGE_ENTRIES }, signal);
	entries.clear();
	hasEarlier = page.has_earlier;
	takeEnd(page);
	entries.toEnd();
}

/** @param {WorkerId} open @param {AbortSignal} signal */
async function readMore(open, signal) {
	if (wanted === "earlier") {
		const page = await readTranscript(open, { limit: PAGE_ENTRIES, before: entries.first() }, signal);
		hasEarlier = page.has_earlier;
		if (entries.prepend(page.entries)) setAtEnd(false);
	} else {
		await readLater(open, signal);
	}
	wanted = "";
}

/** @param {WorkerId} open @param {AbortSignal} signal */
async function readLater(open, signal) {
	const page = await readTranscript(open, { limit: PAGE_ENTRIES, after: entries.last() }, signal);
	if (page.has_later) {
		if (entries.append(page.entries)) hasEarlier = true;
	} else {
		takeEnd(page);
	}
}

/** Adds the newest entries and the reply in progress. @param {TranscriptPage} page */
function takeEnd(page) {
	setAtEnd(true);
	const known = entries.last();
	if (entries.append(page.entries.filter((entry) => entry.sequence > known))) hasEarlier = true;
	const { in_flight } = page;
	if (in_flight && entries.replyInProgress()?.runId !== in_flight.run_id) {
		const reply = entries.startReply(in_flight.run_id);
		if (in_flight.reasoning) reply.reason(in_flight.reasoning);
		reply.append(in_flight.text);
		reply.progress(PHASES[in_flight.phase]);
	}
	cursor = page.cursor;
}

/** @param {boolean} now */
function setAtEnd(now) {
	isAtEnd = now;
	button("latest").hidden = now;
}

/** @param {WorkerId} open @param {string} after @param {AbortSignal} signal */
async function follow(open, after, signal) {
	const batch = await readEvents(open, { after, limit: EVENTS_MAX, wait_ms: WAIT_MS, batch_ms: BATCH_MS }, signal);
	for (const event of batch.events) {
		const isKnown = take(event);
		if (!isKnown) {
			// Its text is in the transcript alone, whose cursor is where to go on.
			await readLater(open, signal);
			return 0;
		}
		// What is taken once is never taken again, whatever becomes of the rest.
		cursor = event.cursor;
	}
	cursor = batch.next_cursor;
	return 0;
}

/** @type {Record<Schemas["RunPhase"], string>} */
const PHASES = {
	queued: "Waiting for a free place",
	waiting: "Waiting for the model",
	retrying: "Asking again",
	reasoning: "Thinking",
	answering: "Replying",
};

/** @param {WorkerEvent} event @returns {boolean} whether all of it is known now */
function take(event) {
	if (event.kind === "worker_created") return true;
	if (event.kind === "worker_stopped") {
		changed("stopped");
		return true;
	}
	if (event.kind === "run_finished") {
		changed("idle");
		takeEnding(event);
		return true;
	}
	if (event.kind === "input_accepted") {
		changed("running", event.run_id);
		if (!isAtEnd) return true;
		if (event.sequence > entries.last()) return false;
	}
	if (!isAtEnd) return true;
	const reply = entries.startReply(event.run_id);
	if (event.kind === "input_accepted") reply.progress(PHASES.waiting);
	if (event.kind === "run_retrying") reply.progress(`Asking again: ${failureWords(event.error_code)}`);
	if (event.kind === "reasoning_delta") reply.reason(event.text);
	if (event.kind === "reasoning_delta") reply.progress(PHASES.reasoning);
	if (event.kind === "output_delta") reply.append(event.text);
	if (event.kind === "output_delta") reply.progress(PHASES.answering);
	return true;
}

/** @param {Extract<WorkerEvent, { kind: "run_finished" }>} end */
function takeEnding(end) {
	const words = endWords(end);
	if (end.outcome === "failed" || end.outcome === "timed_out") notify(words);
	if (!isAtEnd) return;
	const unfinished = end.outcome !== "completed";
	entries.replyInProgress()?.finish(end.sequence, { partial: unfinished, diagnostics: end.diagnostics ?? [] });
	if (words) entries.remark(words);
}

/** @param {WorkerState} state @param {string} [run] */
function changed(state, run) {
	isDetailOld = true;
	head.showState(state, run);
	refreshList();
}
