// What is known of the connection.

import { byId, setText } from "./dom.js";

/** @typedef {"connected" | "reconnecting" | "signed out"} State */

/** @type {State} */
export let state = "reconnecting";
/** @type {(now: State, before: State) => void} */
let listener = () => {};

/** @param {typeof listener} changed */
export const listen = (changed) => (listener = changed);

/** @param {State} now */
export function set(now) {
	// Signed out is left by signing in alone, not by a request that was under way.
	if (now === state || (state === "signed out" && now === "reconnecting")) return;
	const before = state;
	state = now;
	setText("connection", now);
	byId("connection").dataset.state = now;
	listener(now, before);
}
