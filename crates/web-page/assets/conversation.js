// The open conversation: a page of the transcript, then the events after its cursor.

import { WORKER, call } from "./api.js";
import * as entries from "./entries.js";
import { newLoop } from "./loop.js";
import { notify, on } from "./notices.js";
import { FAILURES, endWords, wordsFor } from "./words.js";
import * as head from "./worker-head.js";
import { loop as list, opened } from "./worker-list.js";

const PAGE_ENTRIES = 50;
/** Six requests a second show a reply as it grows. */
const EVENTS = { limit: 200, wait_ms: 25_000, batch_ms: 150 };

/** Where the next event is; empty before the transcript is read. */
let cursor = "";
/** What to read next of the transcript, instead of events. @type {"before" | "after" | null} */
let wanted = null;
let isDetailOld = false;

const loop = newLoop(step, (error) => {
	if (error.problem?.code === "cursor_expired" || error.problem?.code === "invalid_cursor") {
		cursor = "";
		wanted = "after";
		notify("The server was restarted, or the page slept: the conversation was read anew.", "status");
		return 0;
	}
	notify(wordsFor(error));
	if (error.status === 404) {
		entries.finish({ sequence: 0, outcome: "cancelled" });
		head.showGone();
	}
	return null;
});

export const suspend = loop.stop;
export function resume() {
	// Somebody else may have signed in.
	isDetailOld = true;
	if (opened) loop.start();
}

/** Shows the worker that is open now, whose conversation `resume` reads. */
export function open() {
	loop.stop();
	readAnew();
	entries.restart();
	head.open();
}

/** Goes to the end, also after a message of one's own. */
export function showLatest() {
	if (entries.isAtEnd) entries.toEnd();
	else readAnew();
	loop.again();
}

function readAnew() {
	cursor = "";
	wanted = null;
}

on("log", "scroll", () => {
	const near = entries.noteScroll();
	if (wanted || !cursor || !near) return;
	wanted = near;
	loop.again();
});
on("latest", "click", showLatest);

/** @param {AbortSignal} signal */
async function step(signal) {
	if (!opened) return null;
	const path = opened;
	if (!cursor || (isDetailOld && !wanted)) {
		head.show((await call("get", WORKER, { path, signal })).data);
		isDetailOld = false;
		if (!head.can("read_transcript")) return null;
	}
	if (cursor && !wanted) {
		const { data } = await call("get", `${WORKER}/events`, { path, query: { after: cursor, ...EVENTS }, signal });
		entries.follow(() => data.events.every(show));
		if (!wanted) cursor = data.next_cursor;
		return 0;
	}
	// Without a cursor the last one may have changed: a message that gets no reply any more.
	const at = { before: entries.first(), after: Math.max(0, entries.last() - (cursor ? 0 : 1)) };
	const query = { limit: PAGE_ENTRIES, ...(wanted && { [wanted]: at[wanted] }) };
	const { data: page } = await call("get", `${WORKER}/transcript`, { path, query, signal });
	if (wanted === "before") {
		entries.prepend(page);
	} else if (wanted && page.has_later && entries.isAtEnd && entries.isFollowed) {
		// More was said than one page has.
		cursor = "";
	} else {
		const { in_flight } = page;
		entries.follow(() => {
			if (!wanted) entries.restart();
			entries.append(page);
			if (in_flight && entries.isAtEnd) entries.grow(in_flight.run_id, PHASES[in_flight.phase], in_flight);
		});
		if (entries.isAtEnd || !cursor) cursor = page.cursor;
		// Its run may be over by now.
		isDetailOld = true;
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

/** Returns whether the next one can be shown, too. @param {WorkerEvent} event */
function show(event) {
	if (event.kind === "worker_stopped") setState("stopped");
	if (event.kind === "run_finished") {
		setState("idle");
		const words = endWords(event);
		if (event.outcome === "failed" || event.outcome === "timed_out") notify(words);
		if (entries.isAtEnd) entries.finish(event, words);
	}
	if (event.kind === "input_accepted") setState("running", event.run_id);
	if (entries.isAtEnd && "run_id" in event && event.kind !== "run_finished") {
		if (event.kind === "input_accepted" && event.sequence > entries.last()) {
			// Its text is in the transcript alone.
			wanted = "after";
			return false;
		}
		const phase = event.kind === "run_retrying" ? `${PHASES.retrying}: ${FAILURES[event.error_code]}` : PHASES[event.kind];
		const text = "text" in event ? event.text : "";
		entries.grow(event.run_id, phase, { [event.kind === "output_delta" ? "text" : "reasoning"]: text });
	}
	// Never shown again, whatever becomes of the rest.
	cursor = event.cursor;
	return true;
}

/** @param {WorkerState} state @param {string} [run] */
function setState(state, run) {
	isDetailOld = true;
	head.showState(state, run);
	list.soon();
}
