// Text of people and models as elements: plain, but for fenced code blocks; and times.

import { make, quietButton } from "./dom.js";
import { notify } from "./notices.js";

/** A line that opens or closes a code block. */
const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
/** Longer lines are no fences, and are not looked at. */
const FENCE_MAX = 200;
/** Characters of a piece of text that is laid out at once; a growing reply changes the last alone. */
const PIECE_CHARS = 8_000;

/** Text that may grow at its end. Nothing in it is looked at twice. */
export class GrowingText {
	element = make("div", { class: "text", dir: "auto" });
	/** All of it, as it was given. */
	value = "";
	/** The line that has no end yet; the last characters of `#piece`. */
	#line = "";
	#piece = this.#newPiece(this.element);
	/** @type {{ mark: string, pre: HTMLElement } | null} the code block that is open */
	#code = null;

	/** @param {string} text */
	append(text) {
		this.value += text;
		let start = 0;
		for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
			this.#extend(text.slice(start, end));
			this.#endLine();
			start = end + 1;
		}
		this.#extend(text.slice(start));
	}

	/** There is no more: a fence without a line end is one. */
	finish() {
		if (this.#fence()) this.#endLine();
	}

	/** @param {string} text */
	#extend(text) {
		if (!text) return;
		this.#line += text;
		this.#piece.appendData(text);
	}

	#fence() {
		const found = this.#line.length <= FENCE_MAX ? FENCE.exec(this.#line) : null;
		const mark = found?.[1];
		if (!found || !mark) return null;
		if (!this.#code) return { mark, language: found[2] ?? "" };
		const closes = mark.startsWith(this.#code.mark) && this.#line.trim() === mark;
		return closes ? { mark, language: "" } : null;
	}

	#endLine() {
		const fence = this.#fence();
		if (fence) {
			this.#piece.deleteData(this.#piece.length - this.#line.length, this.#line.length);
			if (this.#code) this.#closeCode();
			else this.#openCode(fence.mark, fence.language);
		} else {
			this.#piece.appendData("\n");
			if (this.#piece.length > PIECE_CHARS) {
				this.#piece = this.#newPiece(this.#code ? this.#code.pre : this.element);
			}
		}
		this.#line = "";
	}

	/** @param {HTMLElement} parent */
	#newPiece(parent) {
		const piece = document.createTextNode("");
		const isCode = parent !== this.element;
		parent.append(make(isCode ? "code" : "div", { dir: isCode ? "ltr" : "auto" }, piece));
		return piece;
	}

	/** @param {string} mark @param {string} language */
	#openCode(mark, language) {
		const pre = make("pre", { tabindex: "0", role: "group", "aria-label": language ? `Code: ${language}` : "Code" });
		const copy = quietButton("Copy code", "Copy code", () => copyText(pre.textContent ?? ""));
		this.element.append(make("div", { class: "code" }, make("div", {}, make("span", {}, language), copy), pre));
		this.#code = { mark, pre };
		this.#piece = this.#newPiece(pre);
	}

	#closeCode() {
		this.#code = null;
		this.#piece = this.#newPiece(this.element);
	}
}

/** @param {string} text */
export async function copyText(text) {
	const copied = (await modernCopy(text)) || selectionCopy(text);
	notify(copied ? "Copied." : "The browser does not let this page copy. Select the text instead.", "passing");
}

/** @param {string} text */
async function modernCopy(text) {
	try {
		// Not there over plain HTTP.
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		return false;
	}
}

/** @param {string} text */
function selectionCopy(text) {
	const focused = document.activeElement;
	const area = make("textarea", { "aria-hidden": "true", readonly: "" });
	area.value = text;
	document.body.append(area);
	area.select();
	const copied = document.execCommand("copy");
	area.remove();
	if (focused instanceof HTMLElement) focused.focus();
	return copied;
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** When it was, as exactly as is useful, in the local time zone. @param {string} instant */
export function timeText(instant) {
	const date = new Date(instant);
	const minutes = (Date.now() - date.getTime()) / 60_000;
	if (minutes < 1) return "just now";
	if (minutes < 60) return ago.format(-Math.floor(minutes), "minute");
	return minutes < 24 * 60 ? clock.format(date) : day.format(date);
}

/** @param {string} instant */
export function timeElement(instant) {
	const date = new Date(instant);
	const isToday = date.toDateString() === new Date().toDateString();
	return make("time", { datetime: instant, title: exact.format(date) }, (isToday ? clock : moment).format(date));
}
