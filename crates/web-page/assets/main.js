// Starts the page: signs in, shows what the address names, and keeps the parts going while signed in.

import { getWorkspace } from "./api.js";
import * as composer from "./composer.js";
import * as connection from "./connection.js";
import * as conversation from "./conversation.js";
import * as dialogs from "./dialogs.js";
import { byId, input, setText } from "./dom.js";
import { Loop } from "./loop.js";
import { clearTroubles, notify } from "./notices.js";
import * as session from "./session.js";
import * as head from "./worker-head.js";
import * as list from "./worker-list.js";
import { wordsFor } from "./words.js";

/** Asks who is there, until somebody answers. */
const entrance = new Loop(async () => {
	await session.readScope();
	const workspace = await getWorkspace();
	setText(byId("workspace"), workspace.display_name);
	byId("sign-in").hidden = true;
	byId("app").hidden = false;
	byId("sign-out").hidden = false;
	list.resume();
	conversation.resume();
	return null;
}, (error) => {
	notify(wordsFor(error));
	return null;
});

connection.onChange((now, before) => {
	if (now === "signed out") {
		list.suspend();
		conversation.suspend();
		// What was typed stays where it is, unseen.
		byId("app").hidden = true;
		byId("sign-out").hidden = true;
		byId("sign-in").hidden = false;
		input("token").focus();
	} else if (now === "connected" && before === "signed out") {
		clearTroubles();
	} else if (now === "reconnecting") {
		wasConnected = true;
	} else if (wasConnected) {
		notify("Connected again.", "passing");
	}
});
let wasConnected = false;

/** Shows the worker that the address names: `#/RUNTIME/WORKER`. */
function route() {
	const [, runtime, worker] = /^#\/([^/]+)\/([^/]+)$/.exec(location.hash) ?? [];
	let id = null;
	try {
		if (runtime && worker) id = { runtime_id: decodeURIComponent(runtime), worker_id: decodeURIComponent(worker) };
	} catch {
		// Not an address of ours.
	}
	byId("app").dataset.view = id ? "worker" : "list";
	list.setCurrent(id ? list.keyOf(id) : "");
	conversation.open(id);
}

session.listen(() => entrance.start());
list.listen();
dialogs.listen();
head.listen();
conversation.listen();
composer.listen(conversation.look);
addEventListener("hashchange", async () => {
	if (await session.signInFromAddress()) entrance.start();
	route();
});

await session.signInFromAddress();
route();
entrance.start();
