// Signing in with a one-time code or the token, and out. The page keeps neither: there is a cookie.

import { ApiError, call } from "./api.js";
import * as connection from "./connection.js";
import { byId } from "./dom.js";
import { clearTroubles, notify, on, report } from "./notices.js";

/** Whether what it signed in with may change workers. */
export let mayOperate = true;

/** Asks who is signed in. Returns the name, but not the owner's. */
export async function readClient() {
	const { client, scope } = (await call("get", "session")).data;
	mayOperate = scope === "operate";
	byId("new-worker").hidden = !mayOperate;
	return client === "owner" ? null : client;
}

/** `#code=CODE` or `#code=CODE/RUNTIME/WORKER`. */
const CODE = /^#code=([\w-]+)(\/.+)?$/;

let enter = () => {};
/** @param {typeof enter} onSignedIn */
export const listen = (onSignedIn) => (enter = onSignedIn);

/** Signs in, or says why not. @param {RequestOptions<"post", "session">} options @param {string} refusal */
async function signIn(options, refusal) {
	try {
		await call("post", "session", options);
		refusal = "The browser did not keep the cookie. Allow cookies; if the server has --public-origin, use that address.";
		await readClient();
		byId("token").value = "";
		enter();
	} catch (error) {
		if (error instanceof ApiError && error.status === 401) notify(refusal);
		else report(error);
	}
}

export async function signInFromAddress() {
	const [, code, worker] = CODE.exec(location.hash) ?? [];
	if (!code) return;
	history.replaceState(null, "", `#${worker ?? ""}`);
	await signIn({ body: { code } }, "This link was used before, or is too old. Run “yoi open” again, or sign in with the token.");
}

on("sign-in", "submit", () => {
	const token = byId("token").value.trim();
	const refusal = "That is not this server's token. Copy it from where the server was started.";
	clearTroubles();
	// Anything else can't be in a header.
	if (!/^[!-~]+$/.test(token)) return notify(refusal);
	return signIn({ headers: { Authorization: `Bearer ${token}` } }, refusal);
});
on("sign-out", "click", async () => {
	await call("delete", "session");
	byId("app").hidden = true;
	connection.set("signed out");
});
