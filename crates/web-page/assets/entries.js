// The entries of a conversation, some of them; the reply in progress is last.

import { byId, keepFocus, make, makeButton } from "./dom.js";
import { copyText, newGrowingText, timeText } from "./text.js";

/** Most in the page at a time. */
const ENTRIES_MAX = 150;
const CHARS_MAX = 4_000_000;
/** So near is at the end. */
const NEAR_PX = 60;

const log = byId("log");

/** @type {Entry[]} */
let shown = [];
/** The reply in progress. @type {Entry | null} */
let reply = null;

let hasEarlier = false;
/** Whether the newest entry is shown. */
export let isAtEnd = true;
/** Whether the reader is at the end, and is kept there. */
export let isFollowed = true;
let top = 0;

export const first = () => shown[0]?.sequence ?? 0;
export const last = () => shown.at(-1)?.sequence ?? 0;

/** Returns which entries the reader comes near to. Far from the end without going up: the log became lower. */
export function noteScroll() {
	const isNearEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
	isFollowed = isNearEnd || (isFollowed && log.scrollTop >= top);
	top = log.scrollTop;
	if (hasEarlier && top < NEAR_PX * 5) return "before";
	return isFollowed && !isAtEnd ? "after" : null;
}

export function toEnd() {
	isFollowed = true;
	log.scrollTop = log.scrollHeight;
	top = log.scrollTop;
}
new ResizeObserver(() => isFollowed && toEnd()).observe(log);

const isFull = () => shown.length > 1 && (shown.length > ENTRIES_MAX || shown.reduce((sum, { chars }) => sum + chars, 0) > CHARS_MAX);

/** Makes changes at the end, which is laid out once. The first entries make room. @param {() => void} change */
export function follow(change) {
	isFollowed &&= isAtEnd;
	keepFocus("log", change);
	if (isFull()) {
		const height = log.scrollHeight;
		while (isFull()) shown.shift()?.element.remove();
		hasEarlier = true;
		log.scrollTop -= height - log.scrollHeight;
	}
	if (isFollowed) toEnd();
}

export function restart() {
	shown = [];
	reply = null;
	log.replaceChildren();
	hasEarlier = false;
	isFollowed = true;
	setAtEnd(true);
}

/** @param {boolean} now */
function setAtEnd(now) {
	isAtEnd = now;
	byId("latest").hidden = now;
}

/** Adds later entries, in place of what they repeat. @param {TranscriptPage} page */
export function append({ entries, has_earlier, has_later }) {
	removeReply();
	while (last() >= (entries[0]?.sequence ?? Infinity)) shown.pop()?.element.remove();
	if (!shown.length) hasEarlier = has_earlier;
	const added = entries.map(newEntry);
	log.append(...added.map(({ element }) => element));
	shown.push(...added);
	setAtEnd(!has_later);
}

function removeReply() {
	reply?.element.remove();
	reply = null;
}

/** Adds earlier entries; later ones make room. What is read stays in place. @param {TranscriptPage} page */
export function prepend(page) {
	const fromEnd = log.scrollHeight - log.scrollTop;
	const added = page.entries.map(newEntry);
	log.prepend(...added.map(({ element }) => element));
	shown.unshift(...added);
	log.scrollTop = log.scrollHeight - fromEnd;
	hasEarlier = page.has_earlier;
	while (isFull() && shown.length > added.length + 1) {
		removeReply();
		shown.pop()?.element.remove();
		setAtEnd(false);
	}
}

/** An entry, or a reply that is still growing. */
class Entry {
	#text = newGrowingText();
	#reasoning = newGrowingText();
	#progress = make("p", { class: "note" });
	#started = Date.now();
	#phase = "";

	/** @param {string} role @param {number} sequence @param {string} at @param {string} [runId] */
	constructor(role, sequence, at, runId) {
		const name = `${role} ${sequence}`;
		const who = make("span", { "aria-hidden": "true" }, role === "user" ? "You" : "Worker");
		const copy = makeButton("Copy", () => copyText(this.#text.value()), `Copy ${name}`);
		const header = make("header", {}, who, make("time", { datetime: at }, timeText(at)), copy);
		this.element = make("article", { "aria-label": name, "data-role": role }, header, this.#text.element);
		this.sequence = sequence;
		this.runId = runId;
	}

	get chars() {
		return this.#text.value().length;
	}

	/** @param {{ text?: string, reasoning?: string | null }} more */
	grow({ text = "", reasoning }) {
		if (reasoning && !this.#reasoning.value()) {
			this.#text.element.before(make("details", {}, make("summary", {}, "Reasoning"), this.#reasoning.element));
		}
		this.#reasoning.append(reasoning ?? "");
		this.#text.append(text);
	}

	showProgress(phase = this.#phase) {
		this.#phase = phase;
		const reasoned = this.chars ? 0 : this.#reasoning.value().length;
		const seconds = Math.round((Date.now() - this.#started) / 1000);
		this.#progress.textContent = `${phase} · ${reasoned ? `${reasoned} characters · ` : ""}${seconds} s`;
		this.element.append(this.#progress);
		this.element.ariaBusy = "true";
	}

	/** It is whole. @param {Partial<TranscriptEntry>} ending */
	finish({ partial, unanswered, diagnostics = [] }) {
		this.#reasoning.finish();
		this.#text.finish();
		this.#progress.remove();
		this.element.ariaBusy = null;
		for (const { message } of diagnostics) this.addNote(message);
		if (partial) this.addNote("The reply is not whole.");
		if (unanswered) this.addNote("There was no reply, and the model does not get this message again.");
	}

	/** @param {string} text */
	addNote(text) {
		this.element.append(make("p", { class: "note warning" }, text));
	}
}

/** @param {TranscriptEntry} entry */
function newEntry(entry) {
	const made = new Entry(entry.role, entry.sequence, entry.created_at);
	made.grow({ text: entry.content, reasoning: entry.reasoning });
	made.finish(entry);
	return made;
}

/**
 * Shows more of the reply of this run, at the end.
 * @param {string} runId @param {string} phase @param {Parameters<Entry["grow"]>[0]} more
 */
export function grow(runId, phase, more) {
	if (reply?.runId !== runId) {
		removeReply();
		reply = new Entry("assistant", last() + 1, new Date().toISOString(), runId);
		log.append(reply.element);
	}
	reply.grow(more);
	reply.showProgress(phase);
}

/** The reply has ended; without a text it is gone. @param {Partial<RunFinished>} end */
export function finish({ sequence, outcome, diagnostics }, words = "") {
	if (reply && sequence !== undefined) {
		reply.finish({ partial: outcome !== "completed", diagnostics });
		shown.push(reply);
		reply = null;
	}
	removeReply();
	if (words) shown.at(-1)?.addNote(words);
}

setInterval(() => reply?.showProgress(), 1000);
