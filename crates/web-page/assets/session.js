// Signing in with a one-time code or the token, and out. What is kept is a cookie that no script
// can read; the page itself keeps neither code nor token.

import { ApiError, getSession, signInWithCode, signInWithToken, signOut } from "./api.js";
import * as connection from "./connection.js";
import { button, byId, input } from "./dom.js";
import { clearTroubles, notify } from "./notices.js";
import { wordsFor } from "./words.js";

let mayOperate = true;

/** Whether what it signed in with may change workers. */
export const canOperate = () => mayOperate;

/** Asks who is signed in; refused if nobody is. */
export async function readScope() {
	mayOperate = (await getSession()).scope === "operate";
	button("new-worker").hidden = !mayOperate;
}

/** A code, and the worker to show: `#code=CODE` or `#code=CODE/RUNTIME/WORKER`. */
const CODE = /^#code=([\w-]+)(\/.+)?$/;

/**
 * Signs in with the code in the address, if there is one, after taking it out of there.
 * @returns {Promise<boolean>} whether there was one
 */
export async function signInFromAddress() {
	const [, code, worker] = CODE.exec(location.hash) ?? [];
	if (!code) return false;
	history.replaceState(null, "", location.pathname + location.search + (worker ? `#${worker}` : ""));
	try {
		await signInWithCode(code);
	} catch (error) {
		const isOver = error instanceof ApiError && error.status < 500;
		notify(isOver ? "This link was used before, or is too old. Run “yoi open” again, or sign in with the token." : wordsFor(error));
	}
	return true;
}

/** @param {() => void} enter what to do once signed in */
export function listen(enter) {
	const form = byId("sign-in");
	const token = input("token");
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const typed = token.value.trim();
		clearTroubles();
		// Anything else can't be in a header.
		if (!/^[!-~]+$/.test(typed)) return notify("That is no token. Copy it from where the server was started.");
		try {
			await signInWithToken(typed);
			token.value = "";
			enter();
		} catch (error) {
			notify(wordsFor(error));
			token.focus();
		}
	});
	button("sign-out").addEventListener("click", async () => {
		try {
			await signOut();
			connection.isSignedOut();
		} catch (error) {
			notify(wordsFor(error));
		}
	});
}
