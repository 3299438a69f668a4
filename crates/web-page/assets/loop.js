// One request after the other: none while the page is hidden, one at once when it is shown again,
// and a growing pause after failures.

import { ApiError } from "./api.js";
import * as connection from "./connection.js";

/** Milliseconds, not the same in all pages after a restart. @param {number} failures in a row */
export const pauseAfter = (failures) => Math.min(250 * 2 ** failures, 4_000) * (0.75 + Math.random() / 2);

/**
 * Both return the milliseconds to pause; `null` to end.
 * @param {(signal: AbortSignal) => Promise<number | null>} step asks once
 * @param {(error: ApiError) => number | null} onProblem is told what was refused for good
 */
export function newLoop(step, onProblem) {
	/** @type {"stopped" | "hidden" | "asking" | "pausing"} */
	let state = "stopped";
	let failures = 0;
	let abort = new AbortController();
	let timer = 0;

	function start() {
		if (state === "stopped") ask();
	}

	function stop() {
		clearTimeout(timer);
		abort.abort();
		state = "stopped";
		failures = 0;
	}

	/** Gives up what is under way, and asks now. */
	function again() {
		if (state === "stopped") return;
		stop();
		ask();
	}

	/** Asks now, if no answer is being waited for. */
	function soon() {
		if (state === "pausing") again();
	}

	async function ask() {
		state = document.hidden ? "hidden" : "asking";
		if (document.hidden) return;
		const { signal } = (abort = new AbortController());
		let pause;
		try {
			pause = await step(signal);
			if (signal.aborted) return;
			failures = 0;
			connection.set("connected");
		} catch (error) {
			if (signal.aborted) return;
			pause = pauseFor(error);
		}
		state = pause === null ? "stopped" : "pausing";
		if (pause !== null) timer = setTimeout(ask, pause);
	}

	/** @param {unknown} error */
	function pauseFor(error) {
		if (!(error instanceof ApiError)) {
			// A defect of this page.
			reportError(error);
		} else if (error.status === 401) {
			connection.set("signed out");
			return null;
		} else if (error.isPassing) {
			connection.set("reconnecting");
		} else {
			return onProblem(error);
		}
		return pauseAfter(failures++);
	}

	// After a frozen tab, a sleep or a lost network, what was asked before is lost.
	for (const type of ["visibilitychange", "resume"]) document.addEventListener(type, again);
	addEventListener("online", again);
	return { start, stop, again, soon };
}
