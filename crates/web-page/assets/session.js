// Signing in with a one-time code or the token, and out. The page keeps neither: there is a cookie,
// which no script can read.

import { ApiError, call } from "./api.js";
import * as connection from "./connection.js";
import { byId, input } from "./dom.js";
import { clearTroubles, notify, on, report } from "./notices.js";

let mayOperate = true;

/** Whether what it signed in with may change workers. */
export const canOperate = () => mayOperate;

/** Asks who is signed in; refused if nobody is. */
export async function readScope() {
	mayOperate = (await call("get", "session")).data.scope === "operate";
	byId("new-worker").hidden = !mayOperate;
}

/** A code, and the worker to show: `#code=CODE` or `#code=CODE/RUNTIME/WORKER`. */
const CODE = /^#code=([\w-]+)(\/.+)?$/;

/** Takes the code out of the address and signs in with it. Returns whether there was one. */
export async function signInFromAddress() {
	const [, code, worker] = CODE.exec(location.hash) ?? [];
	if (!code) return false;
	history.replaceState(null, "", `#${worker ?? ""}`);
	try {
		await call("post", "session", { body: { code } });
	} catch (error) {
		if (!(error instanceof ApiError && error.status === 401)) report(error);
		else notify("This link was used before, or is too old. Run “yoi open” again, or sign in with the token.");
	}
	return true;
}

/** @param {() => void} enter once signed in */
export function listen(enter) {
	const token = input("token");
	on("sign-in", "submit", async () => {
		const typed = token.value.trim();
		clearTroubles();
		// Anything else can't be in a header.
		if (!/^[!-~]+$/.test(typed)) return notify("That is no token. Copy it from where the server was started.");
		await call("post", "session", { headers: { Authorization: `Bearer ${typed}` }, body: {} });
		token.value = "";
		enter();
	});
	on("sign-out", "click", async () => {
		await call("delete", "session");
		connection.set("signed out");
	});
}
