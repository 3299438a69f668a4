// What is known of the connection, where it is shown, and who wants to know of a change.

import { byId } from "./dom.js";

/** @typedef {"connected" | "reconnecting" | "signed out"} ConnectionState */

/** @type {ConnectionState} */
let state = "reconnecting";
/** @type {Array<(now: ConnectionState, before: ConnectionState) => void>} */
const listeners = [];

export const isUp = () => set("connected");
export const isDown = () => set("reconnecting");
export const isSignedOut = () => set("signed out");

/** @param {(now: ConnectionState, before: ConnectionState) => void} listener */
export const onChange = (listener) => listeners.push(listener);

/** @param {ConnectionState} now */
function set(now) {
	// Signed out is left by signing in alone, not by a request that was under way.
	if (now === state || (state === "signed out" && now === "reconnecting")) return;
	const before = state;
	state = now;
	const shown = byId("connection");
	shown.textContent = now;
	shown.dataset.state = now;
	for (const listener of listeners) listener(now, before);
}
