// What is typed, and sending it: with one key until it is accepted, so never twice.

import { ApiError, WORKER, call, newKey } from "./api.js";
import * as connection from "./connection.js";
import { byId, elementOf } from "./dom.js";
import { pauseAfter } from "./loop.js";
import { notify, on } from "./notices.js";
import { keyOf } from "./worker-list.js";

/** Half a minute. */
const ATTEMPTS_MAX = 10;
/** Most workers whose unsent text is remembered. */
const DRAFTS_MAX = 50;

const message = elementOf("message", HTMLTextAreaElement);
/** @typedef {ReturnType<typeof newDraft>} Draft */
const newDraft = () => ({ text: "", key: newKey() });
/** By worker. @type {Map<string, Draft>} */
const drafts = new Map();
/** That of the worker that is open. */
let draft = newDraft();
/** @type {WorkerId | null} */
let worker = null;
/** The run in progress; empty if its id is not known. @type {string | null} */
let run = null;
let isSending = false;

/** @param {WorkerId | null} id */
export function open(id) {
	worker = id;
	const of = id ? keyOf(id) : "";
	draft = drafts.get(of) ?? newDraft();
	for (const [other, { text }] of drafts) {
		if (!text || drafts.size >= DRAFTS_MAX) drafts.delete(other);
	}
	drafts.set(of, draft);
	message.value = draft.text;
	setRun(null);
}

/** @param {string | null} now the run in progress */
export function setRun(now) {
	run = now;
	byId("cancel").hidden = now === null;
}

/** @param {() => void} onSent */
export function listen(onSent) {
	on("message", "input", () => Object.assign(draft, newDraft(), { text: message.value }));
	message.addEventListener("keydown", (event) => {
		// Enter also ends the composition of a character.
		if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
		event.preventDefault();
		message.form?.requestSubmit();
	});
	on("composer", "submit", () => send(onSent));
	on("cancel", "click", cancel);
}

/** @param {() => void} onSent */
async function send(onSent) {
	const sent = draft;
	if (!worker || isSending || !sent.text.trim()) return;
	// Else the server decides.
	if (run !== null && connection.state === "connected") return notify("The worker is still replying. Wait, or cancel the reply.", "status");
	isSending = message.readOnly = true;
	try {
		await sendPatiently(worker, sent);
		Object.assign(sent, newDraft());
		// Another worker may be open by now.
		message.value = draft.text;
		onSent();
	} finally {
		isSending = message.readOnly = false;
	}
}

/** Sends it until the server answers. @param {WorkerId} path @param {Draft} sent */
async function sendPatiently(path, { text: content, key: headers }) {
	for (let failures = 0; ; failures++) {
		try {
			return await call("post", `${WORKER}/input`, { path, body: { content }, headers });
		} catch (error) {
			const isAway = error instanceof ApiError && error.isPassing && (!error.status || error.status >= 500);
			if (!isAway || failures === ATTEMPTS_MAX) throw error;
			connection.set("reconnecting");
			await new Promise((resolve) => setTimeout(resolve, pauseAfter(failures)));
		}
	}
}

async function cancel() {
	if (!worker) return;
	message.focus();
	try {
		await call("post", `${WORKER}/cancel`, { path: worker, body: { run_id: run || null } });
	} catch (error) {
		// It has ended.
		if (!(error instanceof ApiError && error.problem?.code === "run_mismatch")) throw error;
	}
}
