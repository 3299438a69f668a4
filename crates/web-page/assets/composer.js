// What is typed, and sending it: with one key until it is accepted, so never twice.

import { ApiError, WORKER, call, newKey } from "./api.js";
import * as connection from "./connection.js";
import { byId, isComposing } from "./dom.js";
import { pauseAfter } from "./loop.js";
import { notify, on } from "./notices.js";
import { keyOf, opened } from "./worker-list.js";

/** Half a minute. */
const ATTEMPTS_MAX = 10;
const DRAFTS_MAX = 50;

const message = byId("message");
const newDraft = () => ({ text: "", key: newKey(), isSending: false });
/** By worker. @type {Map<string, ReturnType<typeof newDraft>>} */
const drafts = new Map();
/** Of the worker that is open. */
let draft = newDraft();
let canSend = false;
let onSent = () => {};
/** @param {typeof onSent} listener */
export const listen = (listener) => (onSent = listener);
/** In progress; empty if its id is not known. @type {string | null} */
let run = null;

export function open() {
	const of = opened ? keyOf(opened) : "";
	draft = drafts.get(of) ?? newDraft();
	for (const [other, { text }] of drafts) if (!text || drafts.size >= DRAFTS_MAX) drafts.delete(other);
	drafts.set(of, draft);
	message.value = draft.text;
	run = null;
}

/** Where nothing can be sent any more, what was typed can be read. @param {boolean} now */
export function setCanSend(now) {
	canSend = now;
	byId("composer").hidden = !now && !draft.text;
	byId("send").hidden = !now;
	lock();
	setRun(run);
}

const lock = () => (message.readOnly = !canSend || draft.isSending);

/** @param {string | null} now */
export function setRun(now) {
	run = now;
	byId("cancel").hidden = now === null || !canSend;
}

on("message", "input", () => Object.assign(draft, newDraft(), { text: message.value }));
message.addEventListener("keydown", (event) => {
	// Enter also ends the composition of a character. A keyboard on a screen has no Shift-Enter.
	if (event.key !== "Enter" || event.shiftKey || isComposing(event) || matchMedia("(pointer: coarse)").matches) return;
	event.preventDefault();
	message.form?.requestSubmit();
});
on("composer", "submit", send);
on("cancel", "click", cancel);

async function send() {
	const sent = draft;
	if (!opened || !canSend || sent.isSending || !sent.text.trim()) return;
	// Else the server decides.
	if (run !== null && connection.state === "connected") return notify("The worker is still replying. Wait, or cancel the reply.", "status");
	const path = opened;
	sent.isSending = true;
	lock();
	try {
		await untilAnswered(() => call("post", `${WORKER}/input`, { path, body: { content: sent.text }, headers: sent.key }));
		Object.assign(sent, newDraft());
		// Else another worker is open by now.
		if (sent === draft) {
			message.value = "";
			onSent();
		}
	} finally {
		sent.isSending = false;
		lock();
	}
}

/** @param {() => Promise<unknown>} post */
async function untilAnswered(post) {
	for (let failures = 0; ; failures++) {
		try {
			return await post();
		} catch (error) {
			const isAway = error instanceof ApiError && error.isPassing && (!error.status || error.status >= 500);
			if (!isAway || failures === ATTEMPTS_MAX) throw error;
			connection.set("reconnecting");
			await new Promise((resolve) => setTimeout(resolve, pauseAfter(failures)));
		}
	}
}

async function cancel() {
	if (!opened) return;
	message.focus();
	try {
		await call("post", `${WORKER}/cancel`, { path: opened, body: { run_id: run || null } });
	} catch (error) {
		// It has ended.
		if (!(error instanceof ApiError && error.problem?.code === "run_mismatch")) throw error;
	}
}
