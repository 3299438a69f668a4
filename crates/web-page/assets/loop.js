// One request after the other while the page is seen: none while it is hidden, one at once when it
// is shown again, and a growing pause after failures.

import { ApiError, NoAnswer } from "./api.js";
import * as connection from "./connection.js";

/** Pauses after failures in a row, in milliseconds: the first is short, the last is kept. */
const PAUSES_MS = [250, 500, 1000, 2000, 4000];

/** Least time from one request to one that is asked for early, in milliseconds. */
const SOON_MS = 500;

/** @typedef {"stopped" | "hidden" | "asking" | "pausing"} LoopState */

export class Loop {
	/** @type {LoopState} */
	#state = "stopped";
	#failures = 0;
	#asked = 0;
	#abort = new AbortController();
	/** @type {ReturnType<typeof setTimeout> | undefined} */
	#timer;
	#step;
	#onProblem;

	/**
	 * @param {(signal: AbortSignal) => Promise<number | null>} step asks once; how long to pause
	 *   afterwards, in ms; `null` to end
	 * @param {(error: ApiError) => number | null} onProblem what was refused for good; how long to pause, `null` to end
	 */
	constructor(step, onProblem) {
		this.#step = step;
		this.#onProblem = onProblem;
		document.addEventListener("visibilitychange", () => this.#onVisibility());
		// A frozen tab, a laptop that slept and a network that was away: what was asked before is lost.
		document.addEventListener("resume", () => this.again());
		addEventListener("online", () => this.again());
	}

	start() {
		if (this.#state === "stopped") this.#go();
	}

	stop() {
		this.#leave("stopped");
		this.#failures = 0;
	}

	/** Gives up what is under way, and asks now. */
	again() {
		if (this.#state === "stopped") return;
		this.#leave("pausing");
		this.#go();
	}

	/** Asks early, if no answer is being waited for. */
	soon() {
		if (this.#state === "pausing") this.#goAfter(Math.max(0, this.#asked + SOON_MS - performance.now()));
	}

	/** @param {number} pause */
	#goAfter(pause) {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#go(), pause);
	}

	#onVisibility() {
		if (this.#state === "stopped") return;
		if (document.hidden) this.#leave("hidden");
		else this.again();
	}

	/** @param {LoopState} state */
	#leave(state) {
		clearTimeout(this.#timer);
		this.#abort.abort();
		this.#state = state;
	}

	async #go() {
		if (document.hidden) {
			this.#state = "hidden";
			return;
		}
		const abort = new AbortController();
		this.#abort = abort;
		this.#state = "asking";
		this.#asked = performance.now();
		let pause;
		try {
			pause = await this.#step(abort.signal);
			if (abort.signal.aborted) return;
			this.#failures = 0;
			connection.isUp();
		} catch (error) {
			if (abort.signal.aborted) return;
			pause = this.#afterFailure(error);
		}
		if (pause === null) {
			this.#state = "stopped";
			return;
		}
		this.#state = "pausing";
		this.#goAfter(pause);
	}

	/** @param {unknown} error @returns {number | null} how long to pause; `null` to end */
	#afterFailure(error) {
		if (error instanceof ApiError && error.status === 401) {
			connection.isSignedOut();
			return null;
		}
		if (error instanceof ApiError && !error.isPassing) {
			return this.#onProblem(error);
		}
		// Anything else is a defect of this page: it is reported, and the page goes on.
		if (error instanceof ApiError || error instanceof NoAnswer) connection.isDown();
		else reportError(error);
		const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 0;
		this.#failures += 1;
		// Not all pages at the same instant after a restart.
		return pause * (0.75 + Math.random() / 2);
	}
}
