// Text of people and models as elements: plain, but for fenced code; and times.

import { make, makeButton } from "./dom.js";
import { notify } from "./notices.js";

/** A line that opens or closes a code block, also in an item of a list. */
const FENCE = /^([ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(`{3,}|~{3,})([^]*)/;
/** Characters that are laid out at once: what grows changes its last piece alone. */
const PIECE_CHARS = 8_000;

/** Text that may grow at its end. Nothing in it is looked at twice. */
export function newGrowingText() {
	const element = make("div", { class: "text" });
	/** As it was given. */
	let value = "";
	/** The line that has no end yet; the last characters of `piece`. */
	let line = "";
	/** @type {{ mark: string, indent: number, pre: HTMLElement } | null} the code block that is open */
	let code = null;
	let piece = newPiece();

	/** @param {string} text */
	function append(text) {
		value += text;
		const [first = "", ...lines] = text.split("\n");
		extend(first);
		for (const next of lines) {
			endLine();
			extend(next);
		}
	}

	/** There is no more: a fence without a line end is one. */
	function finish() {
		if (readFence()) endLine();
	}

	/** @param {string} text */
	function extend(text) {
		line += text;
		piece.appendData(text);
	}

	/** What the line opens or closes, if it is a fence. */
	function readFence() {
		const [, start = "", mark = "", info = ""] = FENCE.exec(line) ?? [];
		// In a block what has more than the fence, or is deeper by four, is code.
		const isEnd = code && mark.startsWith(code.mark) && !(start + info).trim() && start.length < code.indent + 4;
		const isFence = code ? isEnd : mark && !(mark[0] === "`" && info.includes("`"));
		return isFence ? { start, mark, language: info.trim().split(/\s/, 1)[0] ?? "" } : null;
	}

	function endLine() {
		const fence = readFence();
		const from = piece.length - line.length;
		if (fence) {
			piece.deleteData(from + fence.start.trimEnd().length, line.length);
			code = code ? null : newCode(fence);
			piece = newPiece();
		} else {
			// The code begins where its fence does.
			if (code) piece.deleteData(from, Math.min(code.indent, line.search(/[^ ]|$/)));
			piece.appendData("\n");
			if (piece.length > PIECE_CHARS) piece = newPiece();
		}
		line = "";
	}

	function newPiece() {
		const made = document.createTextNode("");
		if (code) code.pre.append(make("code", {}, made));
		else element.append(make("div", {}, made));
		return made;
	}

	/** @param {{ start: string, mark: string, language: string }} fence */
	function newCode({ start, mark, language }) {
		const name = language ? `Code: ${language}` : "Code";
		const pre = make("pre", { tabindex: "0", role: "group", "aria-label": name, dir: "ltr" });
		const copy = makeButton("Copy code", () => copyText(pre.textContent ?? ""));
		element.append(make("div", { class: "code" }, make("header", {}, language, copy), pre));
		return { mark, indent: start.length, pre };
	}

	return { element, append, finish, value: () => value };
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

/** In the local time zone: today only the time of day. @param {string | number} instant */
export function timeText(instant) {
	const date = new Date(instant);
	const isToday = date.toDateString() === new Date().toDateString();
	return (isToday ? clock : moment).format(date);
}
