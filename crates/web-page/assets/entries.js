// The entries of a conversation as elements: a bounded part of it, the reply in progress last.

import { byId, make, quietButton, setText } from "./dom.js";
import { GrowingText, copyText, timeElement } from "./text.js";

/** Most entries, and about as many characters, in the page at a time. */
const ENTRIES_MAX = 150;
const CHARS_MAX = 4_000_000;
/** How near to an end counts as being there, in pixels. */
const NEAR_PX = 60;

const log = byId("log");

/** @typedef {{ sequence: number, chars: number, element: HTMLElement, notes: HTMLElement }} Shown */
/** @type {Shown[]} */
let shown = [];
/** @type {Reply | null} */
let reply = null;

export const first = () => shown[0]?.sequence ?? 0;
export const last = () => shown.at(-1)?.sequence ?? 0;
export const replyInProgress = () => reply;
export const isNearStart = () => log.scrollTop < NEAR_PX * 5;
export const isNearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
export const toEnd = () => (log.scrollTop = log.scrollHeight);

export function clear() {
	shown = [];
	reply = null;
	log.replaceChildren();
}

/**
 * Adds entries at the end, in front of a reply in progress. Older ones make room.
 * @param {TranscriptEntry[]} entries @returns {boolean} whether older ones did
 */
export function append(entries) {
	const isFollowed = isNearEnd();
	for (const entry of entries) {
		const added = element(entry);
		if (reply) log.insertBefore(added.element, reply.element);
		else log.append(added.element);
		shown.push(added);
	}
	const top = log.scrollHeight;
	let isTrimmed = false;
	while (isFull() && shown.length > 1) {
		shown.shift()?.element.remove();
		isTrimmed = true;
	}
	if (isFollowed) toEnd();
	else log.scrollTop -= top - log.scrollHeight;
	return isTrimmed;
}

/**
 * Adds earlier entries; what is read stays where it is. Later ones make room, the reply first.
 * @param {TranscriptEntry[]} entries @returns {boolean} whether later ones did
 */
export function prepend(entries) {
	const fromEnd = log.scrollHeight - log.scrollTop;
	const added = entries.map(element);
	log.prepend(...added.map((entry) => entry.element));
	shown.unshift(...added);
	log.scrollTop = log.scrollHeight - fromEnd;
	let isTrimmed = false;
	while (isFull() && shown.length > entries.length + 1) {
		reply?.element.remove();
		reply = null;
		shown.pop()?.element.remove();
		isTrimmed = true;
	}
	return isTrimmed;
}

const isFull = () => shown.length > ENTRIES_MAX || shown.reduce((sum, entry) => sum + entry.chars, 0) > CHARS_MAX;

/** A remark below the newest entry. @param {string} text */
export function remark(text) {
	const isFollowed = isNearEnd();
	shown.at(-1)?.notes.append(note(text));
	if (isFollowed) toEnd();
}

/** @param {string} text */
const note = (text) => make("p", { class: "note warning" }, text);

/** @param {string} role @param {number} sequence @param {string | null} at @param {() => string} content */
function frame(role, sequence, at, content) {
	const name = `${role} ${sequence}`;
	const time = at ? timeElement(at) : make("time");
	const head = make("header", {}, make("span", { "aria-hidden": "true" }, role === "user" ? "You" : "Worker"), time);
	head.append(quietButton("Copy", `Copy ${name}`, () => copyText(content())));
	return make("article", { "aria-label": name, "data-role": role }, head);
}

/** @param {TranscriptEntry} entry @returns {Shown} */
function element(entry) {
	const text = new GrowingText();
	text.append(entry.content);
	text.finish();
	const framed = frame(entry.role, entry.sequence, entry.created_at, () => entry.content);
	if (entry.reasoning) framed.append(reasoning(entry.reasoning).element);
	const notes = make("div", {}, ...remarks(entry).map(note));
	framed.append(text.element, notes);
	return { sequence: entry.sequence, chars: entry.content.length, element: framed, notes };
}

/** @param {Pick<TranscriptEntry, "partial" | "unanswered" | "diagnostics">} entry */
function remarks(entry) {
	const texts = (entry.diagnostics ?? []).map((diagnostic) => diagnostic.message);
	if (entry.partial) texts.push("The reply is not whole.");
	if (entry.unanswered) texts.push("There was no reply, and the model does not get this message again.");
	return texts;
}

/** @param {string} start */
function reasoning(start) {
	const text = make("div", { class: "text", dir: "auto" }, start);
	const element = make("details", {}, make("summary", {}, "Reasoning"), text);
	return { element, append: (/** @type {string} */ more) => text.append(more) };
}

/** A reply that grows. */
export class Reply {
	#text = new GrowingText();
	#progress = make("p", { class: "progress" });
	#started = Date.now();
	#phase = "";
	/** @type {ReturnType<typeof reasoning> | null} */
	#reasoning = null;
	#reasoned = 0;
	#timer = setInterval(() => this.#tick(), 1000);

	/** @param {string} runId @param {number} sequence */
	constructor(runId, sequence) {
		this.runId = runId;
		this.element = frame("assistant", sequence, null, () => this.#text.value);
		this.element.setAttribute("aria-busy", "true");
		this.element.append(this.#text.element, this.#progress);
	}

	/** @param {string} phase what the model is doing */
	progress(phase) {
		if (phase !== this.#phase) this.#phase = phase;
		this.#tick();
	}

	#tick() {
		if (!this.element.isConnected) return clearInterval(this.#timer);
		const seconds = Math.round((Date.now() - this.#started) / 1000);
		const facts = [this.#phase, this.#reasoned > 0 && this.#text.value === "" ? `${this.#reasoned} characters` : "", `${seconds} s`];
		setText(this.#progress, facts.filter(Boolean).join(" · "));
	}

	/** @param {string} text */
	append(text) {
		const isFollowed = isNearEnd();
		this.#text.append(text);
		if (isFollowed) toEnd();
	}

	/** @param {string} text */
	reason(text) {
		this.#reasoned += text.length;
		if (this.#reasoning) return this.#reasoning.append(text);
		this.#reasoning = reasoning(text);
		this.#text.element.before(this.#reasoning.element);
	}

	/**
	 * It is whole, and an entry now; without a text it is gone.
	 * @param {number | undefined} sequence @param {Parameters<typeof remarks>[0]} ending
	 */
	finish(sequence, ending) {
		const isFollowed = isNearEnd();
		clearInterval(this.#timer);
		this.#progress.remove();
		reply = null;
		if (sequence === undefined) return this.element.remove();
		this.#text.finish();
		const notes = make("div", {}, ...remarks(ending).map(note));
		this.element.append(notes);
		this.element.querySelector("time")?.replaceWith(timeElement(new Date().toISOString()));
		this.element.setAttribute("aria-label", `assistant ${sequence}`);
		this.element.removeAttribute("aria-busy");
		shown.push({ sequence, chars: this.#text.value.length, element: this.element, notes });
		if (isFollowed) toEnd();
	}
}

/** @param {string} runId @returns {Reply} the reply in progress, at the end */
export function startReply(runId) {
	if (reply?.runId === runId) return reply;
	reply?.element.remove();
	const isFollowed = isNearEnd();
	reply = new Reply(runId, last() + 1);
	log.append(reply.element);
	if (isFollowed) toEnd();
	return reply;
}
