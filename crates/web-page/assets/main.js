// Starts the page: signs in, shows what the address names, and keeps the parts going.

import { call } from "./api.js";
import * as composer from "./composer.js";
import * as connection from "./connection.js";
import * as conversation from "./conversation.js";
import { byId, keepFocus, setText } from "./dom.js";
import { newLoop } from "./loop.js";
import { clearTroubles, notify } from "./notices.js";
import * as session from "./session.js";
import * as head from "./worker-head.js";
import * as list from "./worker-list.js";
import { wordsFor } from "./words.js";

/** Asks who is there, until somebody answers. */
const start = newLoop(async () => {
	const client = await session.readClient();
	const { display_name } = (await call("get", "workspace")).data;
	setText("home", ["yoi", display_name, client].filter(Boolean).join(" · "));
	showApp(true);
	list.loop.start();
	conversation.resume();
	return null;
}, (error) => {
	notify(wordsFor(error));
	return null;
});

/** @param {boolean} isSignedIn */
function showApp(isSignedIn) {
	byId("app").hidden = byId("sign-out").hidden = !isSignedIn;
	byId("sign-in").hidden = isSignedIn;
}

let wasLost = false;
connection.listen((now, before) => {
	if (now === "signed out") {
		list.loop.stop();
		conversation.suspend();
		for (const dialog of document.querySelectorAll("dialog")) dialog.close();
		if (!byId("app").hidden) notify("The session has ended. Sign in again.");
		// What was typed stays where it is, unseen.
		showApp(false);
		byId("token").focus();
	} else if (now === "connected" && before === "signed out") {
		clearTroubles();
	} else if (now === "connected" && wasLost) {
		notify("Connected again.", "status");
	}
	wasLost = now === "reconnecting";
});

/** Shows the worker of `#/RUNTIME/WORKER`. */
function route() {
	const [, runtime, worker] = /^#\/([^/]+)\/([^/]+)$/.exec(location.hash) ?? [];
	let id = null;
	try {
		if (runtime && worker) id = { runtime_id: decodeURIComponent(runtime), worker_id: decodeURIComponent(worker) };
	} catch {
		// Not an address of ours.
	}
	keepFocus(id ? "log" : "home", () => {
		list.setOpened(id);
		conversation.open();
		byId("app").dataset.view = id ? "worker" : "list";
	});
	// What is not seen can't be scrolled to its end.
	if (!byId("app").hidden) conversation.resume();
}

async function follow() {
	await session.signInFromAddress();
	route();
}

session.listen(start.start);
list.listen(head.showName);
composer.listen(conversation.showLatest);
addEventListener("hashchange", follow);
// Another tab may have signed in.
document.addEventListener("visibilitychange", () => connection.state === "signed out" && start.start());

await follow();
start.start();
