// What is typed, and sending it: the same key until it is accepted, so that it is never sent twice.

import { ApiError, NoAnswer, cancelRun, idempotencyKey, sendInput } from "./api.js";
import * as connection from "./connection.js";
import { button, byId, elementOf } from "./dom.js";
import { notify } from "./notices.js";
import { limitOf } from "./runtimes.js";
import { bytesText, wordsFor } from "./words.js";

/** Pauses between attempts to send, in milliseconds; then the person decides. */
const PAUSES_MS = [300, 700, 1500, 3000, 5000, 5000, 5000];
/** Most lines of the field; more scroll. */
const LINES_MAX = 8;
/** Most workers whose unsent text is remembered. */
const DRAFTS_MAX = 50;

const message = elementOf("message", HTMLTextAreaElement);
/**
 * What is being sent, or was in vain: sent again, it has the same key.
 * @typedef {{ content: string, key: string }} Attempt
 */
/** @type {Map<string, { text: string, attempt: Attempt | null }>} */
const drafts = new Map();
/** @type {WorkerId | null} */
let worker = null;
/** The run in progress; empty if its id is not known. @type {string | null} */
let run = null;
/** @type {Attempt | null} */
let attempt = null;
let isSending = false;

/** @param {WorkerId | null} id */
export function open(id) {
	if (worker && message.value) drafts.set(keyOf(worker), { text: message.value, attempt });
	else if (worker) drafts.delete(keyOf(worker));
	if (drafts.size > DRAFTS_MAX) drafts.delete([...drafts.keys()][0] ?? "");
	worker = id;
	const draft = id ? drafts.get(keyOf(id)) : undefined;
	attempt = draft?.attempt ?? null;
	message.value = draft?.text ?? "";
	fit();
	setRun(null);
	allow(false);
}

/** @param {WorkerId} id */
const keyOf = (id) => `${id.runtime_id}/${id.worker_id}`;

/** @param {boolean} isAllowed */
export function allow(isAllowed) {
	byId("composer").hidden = !isAllowed;
}

/** @param {string | null} now the run in progress */
export function setRun(now) {
	run = now;
	button("cancel").hidden = now === null;
	update();
}

export const focus = () => message.focus();

/** @param {() => void} onSent */
export function listen(onSent) {
	message.addEventListener("input", () => {
		fit();
		update();
	});
	message.addEventListener("keydown", (event) => {
		// Enter also ends the composition of a character.
		if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
		event.preventDefault();
		void send(onSent);
	});
	byId("composer").addEventListener("submit", (event) => {
		event.preventDefault();
		void send(onSent);
	});
	button("cancel").addEventListener("click", () => void cancel());
}

function fit() {
	message.rows = Math.min(LINES_MAX, message.value.split("\n", LINES_MAX).length);
}

function update() {
	const isReady = !isSending && run === null && message.value.trim() !== "";
	button("send").setAttribute("aria-disabled", String(!isReady));
}

/** @param {() => void} onSent */
async function send(onSent) {
	const content = message.value;
	if (!worker || isSending || !content.trim()) return;
	if (run !== null) return notify("The worker is still replying. Wait, or cancel the reply.", "passing");
	const limit = limitOf(worker.runtime_id, "input_bytes");
	if (limit && new TextEncoder().encode(content).length > limit) {
		return notify(`The message is too long: at most ${bytesText(limit)} fit. Shorten it.`);
	}
	if (attempt?.content !== content) attempt = { content, key: idempotencyKey() };
	const to = worker;
	isSending = true;
	message.readOnly = true;
	update();
	try {
		await sendPatiently(to, attempt);
		drafts.delete(keyOf(to));
		// It may have been left and opened again meanwhile.
		if (worker && keyOf(worker) === keyOf(to)) {
			message.value = "";
			attempt = null;
		}
		onSent();
	} catch (error) {
		if (error instanceof ApiError && error.status === 401) connection.isSignedOut();
		else notify(wordsFor(error));
	} finally {
		isSending = false;
		message.readOnly = false;
		fit();
		update();
	}
}

/** @param {WorkerId} to @param {{ content: string, key: string }} what */
async function sendPatiently(to, { content, key }) {
	for (const pause of PAUSES_MS) {
		try {
			return await sendInput(to, content, key);
		} catch (error) {
			const isPassing = error instanceof NoAnswer || (error instanceof ApiError && error.status >= 500 && error.isPassing);
			if (!isPassing) throw error;
			connection.isDown();
			await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}
	return sendInput(to, content, key);
}

async function cancel() {
	if (!worker) return;
	try {
		await cancelRun(worker, run || undefined);
	} catch (error) {
		// It has ended by itself.
		if (!(error instanceof ApiError && error.problem?.code === "run_mismatch")) notify(wordsFor(error));
	}
	message.focus();
}
