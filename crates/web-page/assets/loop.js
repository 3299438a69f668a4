// One request after the other: none while the page is hidden, one at once when it is shown again,
// and a growing pause after failures.

import { ApiError } from "./api.js";
import * as connection from "./connection.js";

/** Milliseconds, not the same in all pages after a restart. @param {number} failures in a row */
export const pauseAfter = (failures) => Math.min(250 * 2 ** failures, 4_000) * (0.75 + Math.random() / 2);

/** From one request to one that is asked for early. */
const SOON_MS = 500;

export class Loop {
	/** @type {"stopped" | "hidden" | "asking" | "pausing"} */
	#state = "stopped";
	#failures = 0;
	#asked = 0;
	#abort = new AbortController();
	#timer = 0;
	#step;
	#onProblem;

	/**
	 * Both return how many milliseconds to pause afterwards; `null` to end.
	 * @param {(signal: AbortSignal) => Promise<number | null>} step asks once
	 * @param {(error: ApiError) => number | null} onProblem is told what was refused for good
	 */
	constructor(step, onProblem) {
		this.#step = step;
		this.#onProblem = onProblem;
		// After a frozen tab, a sleep or a lost network, what was asked before is lost.
		for (const type of ["visibilitychange", "resume"]) document.addEventListener(type, () => this.again());
		addEventListener("online", () => this.again());
	}

	start() {
		if (this.#state === "stopped") this.#go();
	}

	stop() {
		clearTimeout(this.#timer);
		this.#abort.abort();
		this.#state = "stopped";
		this.#failures = 0;
	}

	/** Gives up what is under way, and asks now. */
	again() {
		if (this.#state === "stopped") return;
		this.stop();
		this.#go();
	}

	/** Asks early, if no answer is being waited for. */
	soon() {
		if (this.#state === "pausing") this.#goAfter(this.#asked + SOON_MS - performance.now());
	}

	/** @param {number} pause */
	#goAfter(pause) {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#go(), pause);
	}

	async #go() {
		this.#state = document.hidden ? "hidden" : "asking";
		if (document.hidden) return;
		const { signal } = (this.#abort = new AbortController());
		this.#asked = performance.now();
		let pause;
		try {
			pause = await this.#step(signal);
			if (signal.aborted) return;
			this.#failures = 0;
			connection.set("connected");
		} catch (error) {
			if (signal.aborted) return;
			pause = this.#afterFailure(error);
		}
		this.#state = pause === null ? "stopped" : "pausing";
		if (pause !== null) this.#goAfter(pause);
	}

	/** @param {unknown} error */
	#afterFailure(error) {
		if (error instanceof ApiError && error.status === 401) {
			connection.set("signed out");
			return null;
		}
		if (error instanceof ApiError && !error.isPassing) return this.#onProblem(error);
		// Anything else is a defect of this page.
		if (error instanceof ApiError) connection.set("reconnecting");
		else reportError(error);
		return pauseAfter(this.#failures++);
	}
}
