// The open conversation: a page of the transcript, then the events after its cursor. Whatever is
// lost, reading the transcript anew makes whole.

import { WORKER, call } from "./api.js";
import * as entries from "./entries.js";
import { Loop } from "./loop.js";
import { notify, on } from "./notices.js";
import { FAILURES, endWords, wordsFor } from "./words.js";
import * as head from "./worker-head.js";
import { refresh as refreshList } from "./worker-list.js";

const PAGE_ENTRIES = 50;
/** Six requests a second show a reply as it grows. */
const EVENTS = { limit: 200, wait_ms: 25_000, batch_ms: 150 };

/** @type {WorkerId | null} */
let worker = null;
/** Where the next event is; empty before the transcript is read. */
let cursor = "";
/** What to read next of the transcript, instead of events. @type {"before" | "after" | null} */
let wanted = null;
let isDetailOld = false;

const loop = new Loop(step, (error) => {
	if (error.problem?.code === "cursor_expired" || error.problem?.code === "invalid_cursor") {
		readAnew();
		notify("The server was restarted, or the page slept: the conversation was read anew.", "status");
		return 0;
	}
	notify(wordsFor(error));
	if (error.status === 404) head.showGone();
	return null;
});

export const suspend = () => loop.stop();
export function resume() {
	if (worker) loop.start();
}
/** The events of an accepted input are there by now. */
export const readSoon = () => loop.soon();

/** Opens a worker's conversation, which `resume` reads; `null` closes. @param {WorkerId | null} id */
export function open(id) {
	loop.stop();
	worker = id;
	readAnew();
	entries.restart();
	head.open(id);
}

function readAnew() {
	cursor = "";
	wanted = null;
}

export function listen() {
	on("log", "scroll", () => {
		if (wanted || !cursor) return;
		if (entries.hasEarlier && entries.isNearStart()) wanted = "before";
		else if (!entries.isAtEnd && entries.isNearEnd()) wanted = "after";
		if (wanted) loop.again();
	});
	on("latest", "click", () => {
		readAnew();
		loop.again();
	});
}

/** @param {AbortSignal} signal */
async function step(signal) {
	if (!worker) return null;
	const path = worker;
	if (!cursor || isDetailOld) {
		head.show((await call("get", WORKER, { path, signal })).data);
		isDetailOld = false;
		if (!head.can("read_transcript")) return null;
	}
	if (cursor && !wanted) {
		const { data } = await call("get", `${WORKER}/events`, { path, query: { after: cursor, ...EVENTS }, signal });
		if (data.events.every(show)) {
			cursor = data.next_cursor;
			return 0;
		}
		// The text of an input is in the transcript alone, whose cursor is where to go on.
		wanted = "after";
	}
	const at = { before: entries.first(), after: entries.last() };
	const query = { limit: PAGE_ENTRIES, ...(wanted && { [wanted]: at[wanted] }) };
	const { data: page } = await call("get", `${WORKER}/transcript`, { path, query, signal });
	if (wanted === "before") {
		entries.prepend(page);
	} else if (wanted && page.has_later && entries.isAtEnd) {
		// More was said meanwhile than one page has.
		cursor = "";
	} else {
		if (wanted) entries.append(page);
		else entries.restart(page);
		const { in_flight } = page;
		if (entries.isAtEnd) {
			if (in_flight) entries.grow(in_flight.run_id, PHASES[in_flight.phase], in_flight);
			cursor = page.cursor;
		}
	}
	wanted = null;
	return 0;
}

/** What a model is doing, by phase and by event. */
const PHASES = {
	queued: "Waiting for a free place",
	waiting: "Waiting for the model",
	input_accepted: "Waiting for the model",
	retrying: "Asking again",
	reasoning: "Thinking",
	reasoning_delta: "Thinking",
	answering: "Replying",
	output_delta: "Replying",
};

/** @param {WorkerEvent} event @returns {boolean} whether all of it is shown now */
function show(event) {
	if (event.kind === "worker_stopped") setState("stopped");
	if (event.kind === "run_finished") finish(event);
	if (event.kind === "input_accepted") setState("running", event.run_id);
	if (entries.isAtEnd && "run_id" in event && event.kind !== "run_finished") {
		if (event.kind === "input_accepted" && event.sequence > entries.last()) return false;
		const phase = event.kind === "run_retrying" ? `${PHASES.retrying}: ${FAILURES[event.error_code]}` : PHASES[event.kind];
		const more = event.kind === "output_delta" ? { text: event.text } : event.kind === "reasoning_delta" ? { reasoning: event.text } : {};
		entries.grow(event.run_id, phase, more);
	}
	// Never shown again, whatever becomes of the rest.
	cursor = event.cursor;
	return true;
}

/** @param {RunFinished} end */
function finish(end) {
	setState("idle");
	const words = endWords(end);
	if (end.outcome === "failed" || end.outcome === "timed_out") notify(words);
	if (entries.isAtEnd) entries.finish(end, words);
}

/** @param {WorkerState} state @param {string} [run] */
function setState(state, run) {
	isDetailOld = true;
	head.showState(state, run);
	refreshList();
}
