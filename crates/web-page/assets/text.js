// Text of people and models as elements: plain, but for fenced code; and times.

import { make, makeButton } from "./dom.js";
import { notify } from "./notices.js";

/** A line that opens or closes a code block. */
const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
/** Longer lines are no fences. */
const FENCE_MAX = 200;
/** Characters that are laid out at once: a growing reply changes the last piece alone. */
const PIECE_CHARS = 8_000;

/** Text that may grow at its end. Nothing in it is looked at twice. */
export class GrowingText {
	element = make("div", { class: "text" });
	/** As it was given. */
	value = "";
	/** The line that has no end yet; the last characters of `#piece`. */
	#line = "";
	/** @type {{ mark: string, pre: HTMLElement } | null} the code block that is open */
	#code = null;
	#piece = this.#newPiece();

	/** @param {string} text */
	append(text) {
		this.value += text;
		const [first = "", ...lines] = text.split("\n");
		this.#extend(first);
		for (const line of lines) {
			this.#endLine();
			this.#extend(line);
		}
	}

	/** There is no more: a fence without a line end is one. */
	finish() {
		if (this.#fence()) this.#endLine();
	}

	/** @param {string} text */
	#extend(text) {
		this.#line += text;
		this.#piece.appendData(text);
	}

	/** What the line opens or closes, if it is a fence. */
	#fence() {
		const [, mark, language = ""] = (this.#line.length <= FENCE_MAX && FENCE.exec(this.#line)) || [];
		if (!mark) return null;
		const closes = this.#code && mark.startsWith(this.#code.mark) && this.#line.trim() === mark;
		return closes || !this.#code ? { mark, language } : null;
	}

	#endLine() {
		const fence = this.#fence();
		if (fence) {
			this.#piece.deleteData(this.#piece.length - this.#line.length, this.#line.length);
			this.#code = this.#code ? null : this.#newCode(fence.mark, fence.language);
			this.#piece = this.#newPiece();
		} else {
			this.#piece.appendData("\n");
			if (this.#piece.length > PIECE_CHARS) this.#piece = this.#newPiece();
		}
		this.#line = "";
	}

	#newPiece() {
		const piece = document.createTextNode("");
		if (this.#code) this.#code.pre.append(make("code", {}, piece));
		else this.element.append(make("div", {}, piece));
		return piece;
	}

	/** @param {string} mark @param {string} language */
	#newCode(mark, language) {
		const name = language ? `Code: ${language}` : "Code";
		const pre = make("pre", { tabindex: "0", role: "group", "aria-label": name, dir: "ltr" });
		const copy = makeButton("Copy code", () => copyText(pre.textContent ?? ""));
		this.element.append(make("div", { class: "code" }, make("header", {}, language, copy), pre));
		return { mark, pre };
	}
}

/** @param {string} text */
export async function copyText(text) {
	let isCopied = true;
	try {
		// Not there over plain HTTP.
		await navigator.clipboard.writeText(text);
	} catch {
		const focused = document.activeElement;
		const area = make("textarea");
		area.value = text;
		document.body.append(area);
		area.select();
		isCopied = document.execCommand("copy");
		area.remove();
		if (focused instanceof HTMLElement) focused.focus();
	}
	notify(isCopied ? "Copied." : "The browser forbids copying: select the text.", "status");
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** When it was, in the local time zone: today only the time of day. @param {string | number} instant */
export function timeText(instant) {
	const date = new Date(instant);
	const isToday = date.toDateString() === new Date().toDateString();
	return (isToday ? clock : moment).format(date);
}
