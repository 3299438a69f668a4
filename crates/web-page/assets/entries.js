// The entries of a conversation, a bounded part of them; the reply in progress is last.

import { byId, make, makeButton } from "./dom.js";
import { GrowingText, copyText, timeText } from "./text.js";

/** Most in the page at a time. */
const ENTRIES_MAX = 150;
const CHARS_MAX = 4_000_000;
/** How near to an end counts as being there, in pixels. */
const NEAR_PX = 60;

const log = byId("log");

/** @type {Entry[]} */
let shown = [];
/** The reply in progress. @type {Entry | null} */
let reply = null;

export let hasEarlier = false;
/** Whether the newest entry is shown. */
export let isAtEnd = true;

export const first = () => shown[0]?.sequence ?? 0;
export const last = () => shown.at(-1)?.sequence ?? 0;
export const isNearStart = () => log.scrollTop < NEAR_PX * 5;
export const isNearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
const toEnd = () => (log.scrollTop = log.scrollHeight);

const isFull = () => shown.length > ENTRIES_MAX || shown.reduce((sum, { chars }) => sum + chars, 0) > CHARS_MAX;

/** Who reads the newest entry stays at its end. @param {() => void} change */
function follow(change) {
	const isFollowed = isAtEnd && isNearEnd();
	change();
	if (isFollowed) toEnd();
}

/** Shows the newest page of a transcript, or nothing yet. @param {TranscriptPage} [page] */
export function restart(page) {
	shown = [];
	reply = null;
	log.replaceChildren();
	hasEarlier = page?.has_earlier ?? false;
	setAtEnd(true);
	if (page) append(page);
	toEnd();
}

/** @param {boolean} now */
function setAtEnd(now) {
	isAtEnd = now;
	byId("latest").hidden = now;
}

/** Adds later entries; the first ones make room. @param {TranscriptPage} page */
export function append(page) {
	follow(() => {
		const known = last();
		const added = page.entries.filter(({ sequence }) => sequence > known).map(newEntry);
		shown.push(...added);
		for (const { element } of added) log.insertBefore(element, reply && reply.element);
		const height = log.scrollHeight;
		while (isFull() && shown.length > 1) {
			shown.shift()?.element.remove();
			hasEarlier = true;
		}
		log.scrollTop -= height - log.scrollHeight;
	});
	setAtEnd(!page.has_later);
}

/** Adds earlier entries; later ones make room, the reply first. What is read stays in place. @param {TranscriptPage} page */
export function prepend(page) {
	const fromEnd = log.scrollHeight - log.scrollTop;
	const added = page.entries.map(newEntry);
	log.prepend(...added.map(({ element }) => element));
	shown.unshift(...added);
	log.scrollTop = log.scrollHeight - fromEnd;
	hasEarlier = page.has_earlier;
	while (isFull() && shown.length > added.length + 1) {
		reply?.element.remove();
		reply = null;
		shown.pop()?.element.remove();
		setAtEnd(false);
	}
}

/** An entry, or a reply that is still growing. */
class Entry {
	#text = new GrowingText();
	#reasoning = make("div", { class: "text" });
	#progress = make("p", { class: "note" });
	#started = Date.now();
	#phase = "";

	/** @param {string} role @param {number} sequence @param {string} at @param {string} [runId] of a reply that is still growing */
	constructor(role, sequence, at, runId) {
		const name = `${role} ${sequence}`;
		const who = make("span", { "aria-hidden": "true" }, role === "user" ? "You" : "Worker");
		const copy = makeButton("Copy", () => copyText(this.#text.value), `Copy ${name}`);
		const header = make("header", {}, who, make("time", { datetime: at }, timeText(at)), copy);
		this.element = make("article", { "aria-label": name, "data-role": role }, header, this.#text.element);
		this.sequence = sequence;
		this.runId = runId;
	}

	get chars() {
		return this.#text.value.length;
	}

	/** @param {{ text?: string, reasoning?: string | null }} more */
	grow({ text = "", reasoning }) {
		if (reasoning && !this.#reasoning.parentElement) {
			this.#text.element.before(make("details", {}, make("summary", {}, "Reasoning"), this.#reasoning));
		}
		this.#reasoning.append(reasoning ?? "");
		this.#text.append(text);
	}

	/** Shows what the model is doing, and for how long. */
	showProgress(phase = this.#phase) {
		this.#phase = phase;
		const reasoned = this.chars ? 0 : (this.#reasoning.textContent ?? "").length;
		const seconds = Math.round((Date.now() - this.#started) / 1000);
		this.#progress.textContent = `${phase} · ${reasoned ? `${reasoned} characters · ` : ""}${seconds} s`;
		this.element.append(this.#progress);
		this.element.ariaBusy = "true";
	}

	/** It is whole. @param {Pick<TranscriptEntry, "partial" | "unanswered" | "diagnostics">} ending */
	finish({ partial, unanswered, diagnostics = [] }) {
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
	follow(() => {
		if (reply?.runId !== runId) {
			reply?.element.remove();
			reply = new Entry("assistant", last() + 1, new Date().toISOString(), runId);
			log.append(reply.element);
		}
		reply.grow(more);
		reply.showProgress(phase);
	});
}

/** The reply has ended; without a text it is gone. @param {RunFinished} end */
export function finish({ sequence, outcome, diagnostics }, words = "") {
	follow(() => {
		if (reply && sequence !== undefined) {
			reply.finish({ partial: outcome !== "completed", diagnostics });
			shown.push(reply);
		} else {
			reply?.element.remove();
		}
		reply = null;
		if (words) shown.at(-1)?.addNote(words);
	});
}

setInterval(() => reply?.showProgress(), 1000);
