// Signing in with a one-time code or the token, and out. The page keeps neither: there is a cookie,
// which no script can read.

import { ApiError, call } from "./api.js";
import * as connection from "./connection.js";
import { byId, input } from "./dom.js";
import { clearTroubles, notify, on, report } from "./notices.js";

let mayOperate = true;

/** Whether what it signed in with may change workers. */
export const canOperate = () => mayOperate;

/** Asks who is signed in; refused if nobody is. Returns the name, but not the owner's. */
export async function readClient() {
	const { client, scope } = (await call("get", "session")).data;
	mayOperate = scope === "operate";
	byId("new-worker").hidden = !mayOperate;
	return client === "owner" ? null : client;
}

/** `#code=CODE` or `#code=CODE/RUNTIME/WORKER`. */
const CODE = /^#code=([\w-]+)(\/.+)?$/;

/** Signs in, or says why not. @param {RequestOptions<"post", "session">} options @param {string} refusal */
async function signIn(options, refusal) {
	try {
		await call("post", "session", options);
		return true;
	} catch (error) {
		if (error instanceof ApiError && error.status === 401) notify(refusal);
		else report(error);
		return false;
	}
}

/** Signs in with the code in the address. Returns whether there was one. */
export async function signInFromAddress() {
	const [, code, worker] = CODE.exec(location.hash) ?? [];
	if (!code) return false;
	history.replaceState(null, "", `#${worker ?? ""}`);
	await signIn({ body: { code } }, "This link was used before, or is too old. Run “yoi open” again, or sign in with the token.");
	return true;
}

/** @param {() => void} enter once signed in */
export function listen(enter) {
	const token = input("token");
	on("sign-in", "submit", async () => {
		const typed = token.value.trim();
		const refusal = "That is not this server's token. Copy it from where the server was started.";
		clearTroubles();
		// Anything else can't be in a header.
		if (!/^[!-~]+$/.test(typed)) return notify(refusal);
		if (!(await signIn({ headers: { Authorization: `Bearer ${typed}` } }, refusal))) return;
		token.value = "";
		enter();
	});
	on("sign-out", "click", async () => {
		await call("delete", "session");
		// That is no surprise.
		byId("app").hidden = true;
		connection.set("signed out");
	});
}
